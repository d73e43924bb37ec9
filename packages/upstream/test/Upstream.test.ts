import type { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Data, Effect, Fiber, Layer, Schedule, Schema } from "effect"
import * as Hedge from "../src/Hedge.ts"
import * as Path from "../src/Path.ts"
import { Transport } from "../src/Transport.ts"
import * as Upstream from "../src/Upstream.ts"

class NoThing extends Schema.TaggedError<NoThing>()("NoThing", {}) {}

class Thing extends Upstream.Service<Thing>()("thing", {
  input: Schema.Struct({ id: Schema.String }),
  output: Schema.Struct({ name: Schema.String }),
  errors: [NoThing]
}) {}

const thingAt = (baseUrl: URL) =>
  Thing.layerHttp({
    baseUrl,
    request: ({ id }) => Path.get`/things/${id}`,
    on: { 404: () => new NoThing() },
    policies: { timeout: "200 millis", maxResponse: 1_000 }
  }).pipe(Layer.provide(Transport.layer))

class NotYet extends Data.TaggedError("NotYet")<{}> {}

/** Polls a condition on the other side of a socket, for at most a second. */
const eventually = (condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail(new NotYet()))).pipe(
    Effect.retry({ times: 100, schedule: Schedule.spaced(10) })
  )

/** Asks a server that runs the script; says what came back. */
const ask = (script: ScriptedServer.Script) =>
  Effect.gen(function* () {
    const server = yield* ScriptedServer.make(script)
    return yield* Effect.result(Thing.fetch({ id: "1" })).pipe(Effect.provide(thingAt(server.url)))
  })

const reasonOf = (result: Effect.Success<ReturnType<typeof ask>>) =>
  result._tag === "Failure" && result.failure._tag === "UpstreamError" ? result.failure.reason : undefined

describe("an upstream over real sockets", () => {
  it.live("a good answer is decoded, and extra fields are ignored", () =>
    Effect.gen(function* () {
      const result = yield* ask((socket) => ScriptedServer.answer(socket, 200, `{"name":"a","more":1}`))
      assert.deepStrictEqual(result._tag === "Success" ? result.success : undefined, { name: "a" })
    })
  )

  it.live("a status with a meaning is the domain's error", () =>
    Effect.gen(function* () {
      const result = yield* ask((socket) => ScriptedServer.answer(socket, 404, ""))
      assert.strictEqual(result._tag === "Failure" ? result.failure._tag : "", "NoThing")
    })
  )

  const faults: Record<string, readonly [script: ScriptedServer.Script, reason: object]> = {
    "500": [(socket) => ScriptedServer.answer(socket, 500, "oops"), { _tag: "Status", status: 500 }],
    "429 with Retry-After": [
      (socket) => ScriptedServer.answer(socket, 429, "", "retry-after: 2\r\n"),
      { _tag: "Status", status: 429, retryAfterMillis: 2_000 }
    ],
    "not JSON": [(socket) => ScriptedServer.answer(socket, 200, "<html>"), { _tag: "Payload", why: "not JSON" }],
    "an empty body": [(socket) => ScriptedServer.answer(socket, 200, ""), { _tag: "Payload", why: "not JSON" }],
    "the wrong schema": [
      (socket) => ScriptedServer.answer(socket, 200, `{"name":1}`),
      { _tag: "Payload", why: "not the schema" }
    ],
    "a body over the limit": [
      (socket) => ScriptedServer.answer(socket, 200, "x".repeat(2_000)),
      { _tag: "Payload", why: "over the size limit" }
    ],
    "a reset before the head": [(socket) => socket.resetAndDestroy(), { _tag: "Unreachable", why: "reset" }],
    "a close within the body": [
      (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"),
      { _tag: "Unreachable", why: "reset" }
    ],
    "not HTTP": [(socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"), { _tag: "Unreachable", why: "not HTTP" }],
    "a hang": [() => {}, { _tag: "Timeout", limit: "attempt" }],
    "a slow drip": [
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
        const drip = setInterval(() => socket.write("x"), 20)
        socket.on("close", () => clearInterval(drip))
      },
      { _tag: "Timeout", limit: "attempt" }
    ]
  }

  for (const [fault, [script, reason]] of Object.entries(faults)) {
    it.live(`${fault} becomes one reason`, () =>
      Effect.gen(function* () {
        assert.deepInclude(reasonOf(yield* ask(script)), reason)
      })
    )
  }

  it.live("a refused connection is Unreachable", () =>
    Effect.gen(function* () {
      const result = yield* Effect.result(Thing.fetch({ id: "1" })).pipe(
        Effect.provide(thingAt(new URL("http://127.0.0.1:1")))
      )
      assert.deepInclude(reasonOf(result), { _tag: "Unreachable", why: "refused" })
    })
  )

  it.live("interrupting a call closes its socket", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(() => {})
      const context = yield* Layer.build(thingAt(server.url))
      const fiber = yield* Effect.forkChild(Effect.provide(Thing.fetch({ id: "1" }), context))
      yield* eventually(() => server.requests.length === 1)
      yield* Fiber.interrupt(fiber)
      yield* eventually(() => server.open() === 0)
    })
  )

  it.live("a hedge that answers first closes the socket of the call that it was sent for", () =>
    Effect.gen(function* () {
      const hung: Array<Socket> = []
      let toHang = 0
      // Every tenth answer is slow, so that a tail is known.
      const server = yield* ScriptedServer.make((socket) => {
        if (hung.length < toHang) return void hung.push(socket)
        const millis = server.requests.length % 10 === 9 ? 60 : 1
        setTimeout(() => ScriptedServer.answer(socket, 200, `{"name":"a"}`), millis)
      })
      const hedged = Thing.layerHttp({
        baseUrl: server.url,
        request: ({ id }) => Path.get`/things/${id}`,
        policies: { timeout: "5 seconds", hedge: { ...Hedge.defaults, extra: 1, atLeast: 20, floor: 1 } }
      })
      const context = yield* Layer.build(Layer.provide(hedged, Transport.layer))
      const fetch = Effect.provide(Thing.fetch({ id: "1" }), context)
      for (let nth = 0; nth < 60; nth++) yield* fetch
      // Quantiles are looked at once a second.
      yield* Effect.sleep("1100 millis")
      toHang = 1
      assert.strictEqual((yield* fetch).name, "a")
      yield* eventually(() => hung[0]?.destroyed === true)
    })
  )

  it.live("sends what is left of the deadline, and encodes the id as one path segment", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket) => ScriptedServer.answer(socket, 200, `{"name":"a"}`))
      yield* Thing.fetch({ id: "a/../b?c" }).pipe(Deadline.within("150 millis"), Effect.provide(thingAt(server.url)))
      const [head = ""] = server.requests
      assert.isTrue(head.startsWith("GET /things/a%2F..%2Fb%3Fc HTTP/1.1"), head)
      const left = Number(/x-envoy-expected-rq-timeout-ms: (\d+)/.exec(head)?.[1])
      assert.isTrue(left > 50 && left <= 150, head)
    })
  )

  it.live("an id that would change the path's shape is not sent", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(() => {})
      const result = yield* Effect.result(Thing.fetch({ id: ".." })).pipe(Effect.provide(thingAt(server.url)))
      assert.deepInclude(reasonOf(result), { _tag: "Rejected", by: "path" })
      assert.strictEqual(server.requests.length, 0)
    })
  )
})
