import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Data, Effect, Metric, Schedule } from "effect"
import * as Faults from "../src/Faults.ts"
import * as ScriptedServer from "../src/ScriptedServer.ts"

class NotYet extends Data.TaggedError("NotYet")<{}> {}

const eventually = (condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail(new NotYet()))).pipe(
    Effect.retry({ times: 200, schedule: Schedule.spaced(5) })
  )

/** A connection that asks for `/a`, and everything that a client sees of it. */
const ask = ({ url }: ScriptedServer.ScriptedServer) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = net.connect(Number(url.port), url.hostname)
      const seen = { text: "", bytes: 0, chunks: 0, ended: "" }
      socket.on("connect", () => socket.write("GET /a HTTP/1.1\r\nhost: a\r\n\r\n"))
      socket.on("data", (chunk) => {
        seen.bytes += chunk.length
        seen.chunks++
        if (seen.text.length < 1_000) seen.text += chunk.toString()
      })
      socket.on("error", (error) => (seen.ended = "code" in error ? String(error.code) : error.message))
      socket.on("end", () => (seen.ended = "end"))
      return { socket, seen }
    }),
    ({ socket }) => Effect.sync(() => socket.destroy())
  )

const body = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4)

describe("ScriptedServer", () => {
  it.live("takes what the script answers, and keeps what was asked", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(Faults.healthy((path) => `you asked for ${path}`))
      const { socket, seen } = yield* ask(server)
      yield* eventually(() => body(seen.text) === "you asked for /a")
      assert.match(seen.text, /^HTTP\/1\.1 200 /)
      assert.deepStrictEqual(server.requests, ["GET /a HTTP/1.1\r\nhost: a"])
      assert.strictEqual(server.open(), 1)
      socket.destroy()
      yield* eventually(() => server.open() === 0)
    })
  )

  it.live("behaves otherwise from the next request on, on a connection that is open", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(Faults.healthy(() => "well"))
      const { socket, seen } = yield* ask(server)
      yield* eventually(() => body(seen.text) === "well")
      yield* server.become(Faults.answering(500, "ill"))
      socket.write("GET /b HTTP/1.1\r\n\r\n")
      yield* eventually(() => seen.text.endsWith("\r\n\r\nill"))
      assert.strictEqual(server.open(), 1)
    })
  )

  it.live("refuses: cuts what is connected, refuses what connects, and comes back on the same port", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(() => {})
      const before = yield* ask(server)
      yield* eventually(() => server.requests.length === 1)
      yield* server.become("refuse")
      assert.strictEqual(server.open(), 0)
      yield* eventually(() => before.seen.ended !== "")
      const during = yield* ask(server)
      yield* eventually(() => during.seen.ended === "ECONNREFUSED")
      yield* server.become("refuse")
      yield* server.become(Faults.healthy(() => "back"))
      const after = yield* ask(server)
      yield* eventually(() => body(after.seen.text) === "back")
    })
  )

  it.live("says so when its port was taken while it refused", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make("refuse")
      const port = Number(server.url.port)
      yield* Effect.acquireRelease(
        Effect.callback<net.Server>((resume) => {
          const other = net.createServer().listen(port, "127.0.0.1", () => resume(Effect.succeed(other)))
        }),
        (other) => Effect.sync(() => other.close())
      )
      const error = yield* Effect.flip(server.become(() => {}))
      assert.strictEqual(error.message, `cannot listen on port ${port} again`)
    })
  )

  it.live("ends a lasting script with its socket", () => {
    const alive = { now: 0 }
    return Effect.gen(function* () {
      const server = yield* ScriptedServer.make({ lasting: () => Effect.never })
      const idle = alive.now
      const { socket } = yield* ask(server)
      yield* eventually(() => alive.now === idle + 1)
      socket.destroy()
      yield* eventually(() => alive.now === idle)
    }).pipe(
      Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => void alive.now++,
        recordFiberEnd: () => void alive.now--
      })
    )
  })

  it.live("leaves nothing behind when its scope closes: no connection and no port", () =>
    Effect.gen(function* () {
      const server = yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* ScriptedServer.make(Faults.all.drip)
          const { seen } = yield* ask(server)
          yield* eventually(() => seen.bytes > 0)
          return server
        })
      )
      assert.strictEqual(server.open(), 0)
      const after = yield* ask(server)
      yield* eventually(() => after.seen.ended === "ECONNREFUSED")
    })
  )
})

type Seen = Effect.Success<ReturnType<typeof ask>>["seen"]

/** What a client sees of each fault once it has shown itself. */
const shown: Readonly<Record<Faults.Name, (seen: Seen, asked: number) => boolean>> = {
  hang: ({ bytes, ended }, asked) => asked === 1 && bytes === 0 && ended === "",
  "reset before the head": ({ bytes, ended }) => bytes === 0 && ended === "ECONNRESET",
  "reset within the body": ({ text, ended }) => body(text) === "{" && ended === "ECONNRESET",
  "not HTTP": ({ text, ended }) => text.startsWith("SSH-2.0-") && ended === "",
  drip: ({ text, chunks, ended }) => /^\{ {3,}$/.test(body(text)) && chunks > 3 && ended === "",
  "endless body": ({ bytes, ended }) => bytes > 5_000_000 && ended === "",
  "not JSON": ({ text, ended }) => text.startsWith("HTTP/1.1 200 ") && body(text).startsWith("<") && ended === "",
  "wrong schema": ({ text, ended }) =>
    text.startsWith("HTTP/1.1 200 ") && body(text) === '{"items":"none"}' && ended === "",
  "500": ({ text, ended }) => text.startsWith("HTTP/1.1 500 ") && ended === "",
  "429": ({ text, ended }) => text.startsWith("HTTP/1.1 429 ") && /\r\nretry-after: 1\r\n/.test(text) && ended === "",
  "503": ({ text, ended }) => text.startsWith("HTTP/1.1 503 ") && ended === "",
  refused: ({ ended }, asked) => asked === 0 && ended === "ECONNREFUSED"
}

describe("a fault, as a client sees it", () => {
  for (const name of Object.keys(Faults.all) as Array<Faults.Name>) {
    it.live(`${name}: is what its name says, for each request, and heals`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make(Faults.all[name])
        for (let round = 0; round < 2; round++) {
          const asked = server.requests.length
          const { socket, seen } = yield* ask(server)
          yield* eventually(() => shown[name](seen, server.requests.length - asked))
          socket.destroy()
        }
        yield* eventually(() => server.open() === 0)
        yield* server.become(Faults.healthy(() => "well"))
        const { seen } = yield* ask(server)
        yield* eventually(() => body(seen.text) === "well")
      })
    )
  }
})
