/**
 * A real server on loopback that does what a test tells it: answers, or misbehaves on the socket in any way there is. For
 * tests of what a fake cannot show: sockets that close, bodies that never end, answers that are not HTTP.
 */
import { createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"

export interface ScriptedServer {
  readonly url: URL
  /** The request lines and headers that came in, whole. */
  readonly requests: ReadonlyArray<string>
  /** How many connections are open now. */
  readonly open: () => number
}

/** What to do with a request that came in on a socket. */
export type Script = (socket: Socket, head: string) => void

/** Listens on a free port until the scope closes. `script` is called once for each request head. */
export const make = (script: Script): Effect.Effect<ScriptedServer, never, Scope.Scope> =>
  Effect.callback<{ readonly server: ScriptedServer; readonly close: () => void }>((resume) => {
    const requests: Array<string> = []
    const sockets = new Set<Socket>()
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
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      const scripted = { url: new URL(`http://127.0.0.1:${port}`), requests, open: () => sockets.size }
      const close = () => {
        for (const socket of sockets) socket.destroy()
        server.close()
      }
      resume(Effect.succeed({ server: scripted, close }))
    })
  }).pipe(
    (started) => Effect.acquireRelease(started, ({ close }) => Effect.sync(close)),
    Effect.map(({ server }) => server)
  )

/** A whole answer with a body. */
export const answer = (socket: Socket, status: number, body: string, headers = ""): void => {
  socket.write(`HTTP/1.1 ${status} Scripted\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`)
}
