/**
 * A real server on loopback that does what a test tells it: answers, or misbehaves on the socket in any way there is. For
 * tests of what a fake cannot show: sockets that close, bodies that never end, answers that are not HTTP. Ready-made ways to
 * misbehave are in Faults.
 */
import { createServer, type Server, type Socket } from "node:net"
import { Data, Effect, type Scope } from "effect"

/** A server that listens, and the test's hand on it. */
export interface ScriptedServer {
  readonly url: URL
  /** The request lines and headers that came in, whole. */
  readonly requests: ReadonlyArray<string>
  /** How many connections are open now. */
  readonly open: () => number
  /** Behaves otherwise from the next request on, on connections that are open too. The port stays the same. */
  readonly become: (behaviour: Behaviour) => Effect.Effect<void, PortTaken>
}

/** What to do with a request that came in on a socket. */
export type Script = (socket: Socket, head: string) => void

/** A script that takes time: it runs until it ends or the socket closes. */
export interface Lasting {
  /** Begun for each request head, on the socket it came by; interrupted when that closes. */
  readonly lasting: (socket: Socket, head: string) => Effect.Effect<void>
}

/** To follow a script, or not to be there: every connection is cut and every new one refused. */
export type Behaviour = Script | Lasting | "refuse"

/** The server refused for a while, and meanwhile somebody else took its port. */
export class PortTaken extends Data.TaggedError("PortTaken")<{ readonly port: number; readonly cause: unknown }> {
  override get message() {
    return `cannot listen on port ${this.port} again`
  }
}

/** Listens on a free port until the scope closes. A script is called once for each request head. */
export const make = (behaviour: Behaviour): Effect.Effect<ScriptedServer, never, Scope.Scope> =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(yield* Effect.context())
    const requests: Array<string> = []
    const sockets = new Set<Socket>()
    let script: Script = () => {}

    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket))
      // A peer that cuts the connection is what tests are about.
      socket.on("error", () => socket.destroy())
      let text = ""
      socket.on("data", (chunk) => {
        text += chunk.toString("latin1")
        for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
          const head = text.slice(0, end)
          text = text.slice(end + 4)
          requests.push(head)
          script(socket, head)
        }
      })
    })

    const play =
      ({ lasting }: Lasting): Script =>
      (socket, head) => {
        const fiber = run(lasting(socket, head))
        const stop = () => fiber.interruptUnsafe()
        socket.on("close", stop)
        fiber.addObserver(() => socket.off("close", stop))
      }

    // Ends when the last connection has.
    const leave = Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
      sockets.clear()
    })

    const become = (behaviour: Behaviour): Effect.Effect<void, PortTaken> => {
      if (behaviour === "refuse") return leave
      return Effect.suspend(() => {
        script = typeof behaviour === "function" ? behaviour : play(behaviour)
        return server.listening ? Effect.void : Effect.asVoid(listen(server, port))
      })
    }

    // Nobody can take a port that is free for the asking.
    const port = yield* Effect.orDie(Effect.acquireRelease(listen(server, 0), () => leave))
    yield* Effect.orDie(become(behaviour))
    return { url: new URL(`http://127.0.0.1:${port}`), requests, open: () => sockets.size, become }
  })

/** A whole answer with a body. */
export const answer = (socket: Socket, status: number, body: string, headers = ""): void => {
  socket.write(`HTTP/1.1 ${status} Scripted\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`)
}

/** Listens on the port, or on any free one for 0, and says which. */
const listen = (server: Server, port: number): Effect.Effect<number, PortTaken> =>
  Effect.callback((resume) => {
    const failed = (cause: Error) => resume(Effect.fail(new PortTaken({ port, cause })))
    server.once("error", failed)
    server.listen(port, "127.0.0.1", () => {
      server.off("error", failed)
      const address = server.address()
      resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : port))
    })
  })
