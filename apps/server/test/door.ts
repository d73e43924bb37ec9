/** A door with a lane that a test plays, and a client that sends bytes and sees bytes. */
import type { Server, ServerOptions } from "node:http"
import * as net from "node:net"
import * as Drain from "@portico/edge/Drain"
import { EventLoop } from "@portico/edge/EventLoop"
import { LoadShed } from "@portico/edge/LoadShed"
import { Clock, Effect, Layer, Random } from "effect"
import type { Exchange, Router } from "../src/Exchange.ts"
import * as FrontDoor from "../src/FrontDoor.ts"

/** The server on a port of its own; `routed` answers what the lane leaves to the router, and what is no entry. */
export const open = (
  lane: FrontDoor.Lane,
  options: ServerOptions = {},
  routed: Router = echo,
  shed: Layer.Layer<LoadShed> = LoadShed.layerUnlimited,
  loop: Layer.Layer<EventLoop> = EventLoop.layer
) =>
  Effect.gen(function* () {
    const drain = yield* Drain.Drain
    const line = yield* LoadShed
    const random = yield* Random.Random
    const clock = yield* Clock.Clock
    const guards = (path: string) => path.startsWith("/v1/rooms/")
    const { afterTurn } = yield* EventLoop
    const { server, door } = FrontDoor.make(options, {
      shed: line,
      drain,
      random,
      clock,
      guards,
      afterTurn,
      usefulFor: 1_000
    })
    door.open(lane)
    server.on("request", routed)
    /** The connections that were left to Node. */
    let given = 0
    server.on("connection", () => given++)
    const sockets = acceptedBy(server)
    const port = yield* listening(server)
    yield* Effect.addFinalizer(() => Effect.sync(() => server.closeAllConnections()))
    /** The bytes that were read of all clients. */
    const heard = () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
    return { port, server, door, drain, shed: line, given: () => given, heard, sockets }
  }).pipe(Effect.provide(Layer.mergeAll(Drain.Drain.layer, loop, shed)))

/** Listens on a port of its own for as long as the scope lasts. */
export const listening = (server: net.Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" ? (address?.port ?? 0) : 0))
      })
    }),
    () => Effect.sync(() => void server.close())
  )

/** The server's ends of its connections, as they come. */
const acceptedBy = (server: Server): ReadonlyArray<net.Socket> => {
  const sockets: Array<net.Socket> = []
  const emit = server.emit.bind(server)
  server.emit = (event: string, ...args: Array<unknown>) => {
    const [accepted] = args
    if (event !== "connection" || !(accepted instanceof net.Socket)) return emit(event, ...args)
    const handle: unknown = Reflect.get(accepted, "_handle")
    const result = emit(event, accepted)
    sockets.push(ownerOf(handle) ?? accepted)
    return result
  }
  return sockets
}

/** The socket that has a handle now: the door takes it out of the one in which Node has accepted it. */
const ownerOf = (handle: unknown): net.Socket | undefined => {
  if (typeof handle !== "object" || handle === null) return undefined
  const owners = Object.getOwnPropertySymbols(handle).map((symbol): unknown => Reflect.get(handle, symbol))
  return owners.find((owner) => owner instanceof net.Socket)
}

/** Says what was asked for, with the body that came. */
const echo: Router = (request, response) => {
  let body = ""
  request.on("data", (chunk: Buffer) => (body += String(chunk)))
  request.on("end", () => response.setHeader("x-by", "router").end(`${request.method} ${request.url} ${body}`))
  request.resume()
}

/** Says what was asked for in the lane. */
export const answer = (exchange: Exchange): void =>
  exchange.answer(200, { "x-by": "lane" }, `${exchange.method} ${exchange.url} `)

export const client = (port: number, options: Partial<net.TcpNetConnectOpts> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = net.connect({ port, host: "127.0.0.1", noDelay: true, ...options })
      const seen = { text: "", ended: false, closed: false }
      socket.on("error", () => {}).on("data", (chunk) => (seen.text += String(chunk)))
      socket.on("end", () => (seen.ended = true)).on("close", () => (seen.closed = true))
      return { socket, seen, answers: () => answersIn(seen.text) }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

/** The bodies of the whole answers in `text`, in order. One to `HEAD` says the length of what it does not bring. */
export const answersIn = (text: string, isToHead: (index: number) => boolean = () => false): ReadonlyArray<string> => {
  const bodies: Array<string> = []
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n")
    const said = Number(/\r\ncontent-length: (\d+)/i.exec(rest.slice(0, end))?.[1] ?? 0)
    const length = isToHead(bodies.length) ? 0 : said
    if (end < 0 || rest.length < end + 4 + length) break
    bodies.push(rest.slice(end + 4, end + 4 + length))
    rest = rest.slice(end + 4 + length)
  }
  return bodies
}

/** The bytes of a request that is plain. */
export const plain = (path: string): string => `GET /v1/rooms/${path} HTTP/1.1\r\nhost: a\r\n\r\n`

/** Answers at once. */
export const atOnce = (exchange: Exchange) => {
  answer(exchange)
  return { end: () => {} }
}

/** A lane whose exchanges wait for the test. */
export const waiting = () => {
  const inside: Array<Exchange> = []
  const stopped: Array<string> = []
  const lane = (exchange: Exchange) => {
    inside.push(exchange)
    return { end: () => void stopped.push(exchange.url) }
  }
  return { inside, stopped, lane }
}

/** What {@link answer} says of a path. */
export const said = (path: string) => `GET /v1/rooms/${path} `
