/** Asking a pool on real sockets, and the peers that are asked. */
import { createServer, type Server, type Socket } from "node:net"
import { assert } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { Exchange, type Failure, type Message } from "../src/internal/Http1Connection.ts"
import { Http1Pool } from "../src/internal/Http1Pool.ts"
import type { Whole } from "../src/internal/Http1Response.ts"
import { until } from "./Sockets.ts"

export const poolOf = (origin: URL, connectMillis = 10_000): Effect.Effect<Http1Pool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Http1Pool({ origin, maxBody: 100_000, connectMillis })),
    (pool) => Effect.sync(() => pool.destroy())
  )

export interface Sent {
  /** Every outcome that there was: there must never be two. */
  readonly outcomes: Array<Whole | Failure>
  readonly end: () => void
}

export const send = (pool: Http1Pool, path = "/", idempotent = true): Sent => {
  const outcomes: Array<Whole | Failure> = []
  const head = `${idempotent ? "GET" : "POST"} ${path} HTTP/1.1\r\nhost: x\r\n\r\n`
  const exchange = new Told(pool, head, undefined, idempotent, (outcome) => void outcomes.push(outcome))
  pool.send(exchange)
  return { outcomes, end: () => exchange.end() }
}

/** An exchange that a test is told of. */
export class Told extends Exchange {
  override readonly tell: (outcome: Whole | Failure) => void
  private readonly message: Message

  constructor(
    pool: Http1Pool,
    head: string,
    body: string | undefined,
    idempotent: boolean,
    tell: (outcome: Whole | Failure) => void
  ) {
    super(pool, { head, body }, idempotent)
    this.tell = tell
    this.message = { head, body }
  }

  protected override remake(): Message {
    return this.message
  }
}

/** The one outcome of a request: its body, or why it failed. */
export const answered = ({ outcomes }: Sent) =>
  Effect.map(
    until(() => outcomes.length > 0),
    () => said(outcomes)
  )

export const said = (outcomes: ReadonlyArray<Whole | Failure>): string => {
  assert.strictEqual(outcomes.length, 1)
  const [outcome] = outcomes
  if (typeof outcome !== "object") return String(outcome)
  return "status" in outcome ? outcome.body : String(outcome.code)
}

export const ask = (pool: Http1Pool, path?: string, idempotent?: boolean) =>
  Effect.suspend(() => answered(send(pool, path, idempotent)))

/** Long enough for a socket on loopback to say what it has to say. */
export const settle = Effect.sleep("30 millis")

export const respond = (socket: Socket, body: string, headers = "") =>
  socket.write(`HTTP/1.1 200 OK\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`)

/** Says on which connection a request came, counting from 1, and which path it asked for. */
export const naming = () => {
  const sockets: Array<Socket> = []
  const nth = (socket: Socket) => (sockets.includes(socket) ? sockets.indexOf(socket) + 1 : sockets.push(socket))
  const script = (socket: Socket, head: string) => void respond(socket, `${nth(socket)} ${head.split(" ")[1]}`)
  return { script, sockets, nth }
}

/** A server that never says a word: with TLS asked of it, a connection that never comes about. */
export const mute = Effect.acquireRelease(
  Effect.callback<{ readonly server: Server; readonly sockets: Set<Socket> }>((resume) => {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy())
      socket.resume()
    })
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
  }),
  ({ server, sockets }) =>
    Effect.callback<void>((resume) => {
      server.close(() => resume(Effect.void))
      for (const socket of sockets) socket.destroy()
    })
)
