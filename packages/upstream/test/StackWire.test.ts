import type { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Path from "../src/Path.ts"
import { Transport } from "../src/Transport.ts"
import { good, outcome, Thing, thingOver } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

const header = "x-envoy-expected-rq-timeout-ms"

describe("what the stack puts on the wire", () => {
  it.effect("how long the upstream has: what is left of the deadline, and at most an attempt's limit", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, {})
      yield* fetch(1)
      for (const budget of [2_000, 100, 99, 42.7]) yield* Deadline.within(budget)(fetch(1))
      // With less than a millisecond nothing is asked.
      assert.strictEqual(outcome(yield* Effect.exit(Deadline.within(0.5)(fetch(1)))), "Timeout of deadline")
      assert.deepStrictEqual(
        exchanges.map(({ headers }) => headers[header]),
        ["100", "100", "100", "99", "42"]
      )
    })
  )

  it.effect("how long it has, of a POST too, and after time went by", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, {})
      const late = yield* fork(Deadline.within("90 millis")(Effect.andThen(Effect.sleep("60 millis"), fetch(1_000))))
      yield* TestClock.adjust("60 millis")
      yield* Fiber.join(late)
      assert.deepStrictEqual(
        exchanges.map(({ headers }) => headers[header]),
        ["30"]
      )
    })
  )

  it.effect("of a retry, what is left then", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(
        (_, nth) => (nth === 1 ? Effect.andThen(Effect.sleep("50 millis"), PlayedTransport.status(503)) : good),
        { retries: 1 }
      )
      const caller = yield* fork(Deadline.within("120 millis")(fetch(1)))
      yield* TestClock.adjust("60 millis")
      yield* Fiber.join(caller)
      // The second could last to 160, where somebody joined who has more time; nobody has.
      assert.deepStrictEqual(
        exchanges.map(({ at, headers }) => [at, headers[header]]),
        [
          [0, "100"],
          [60, "60"]
        ]
      )
    })
  )

  it.effect("whom it is for: the request id, and the trace with a span of each attempt's own", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, {})
      const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
      yield* fetch(1).pipe(
        Effect.provideService(RequestId.RequestId, "r-1"),
        Effect.provideService(TraceContext.TraceContext, { traceId, flags: "01" })
      )
      yield* fetch(1)
      const [named, nameless] = exchanges.map(({ headers }) => headers)
      assert.strictEqual(named?.["x-request-id"], "r-1")
      assert.match(named?.["traceparent"] ?? "", /^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)
      assert.strictEqual(named?.["accept"], "application/json")
      assert.notProperty(nameless, "x-request-id")
      assert.notProperty(nameless, "traceparent")
    })
  )

  it.live("of what goes out once more, since its connection closed: the same, with a span of its own", () =>
    Effect.gen(function* () {
      const answered = new Set<Socket>()
      const server = yield* ScriptedServer.make((socket) => {
        if (answered.has(socket)) return void socket.end()
        answered.add(socket)
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"name":"one"}`)
      })
      const http = Thing.layerHttp({
        baseUrl: server.url,
        request: ({ id }) => Path.get`/things/${id}`,
        policies: { timeout: "5 seconds" }
      })
      const context = yield* Layer.build(Layer.provide(http, Transport.layer))
      const fetch = (id: number) =>
        Thing.fetch({ id }).pipe(
          Effect.provide(context),
          Effect.provideService(RequestId.RequestId, "r-1"),
          Effect.provideService(TraceContext.TraceContext, { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", flags: "01" })
        )
      yield* fetch(1)
      assert.deepStrictEqual(yield* fetch(2), { name: "one" })
      const [, once = "", again = ""] = server.requests
      assert.match(
        once,
        /^GET \/things\/2 HTTP\/1.1\r\n.*\r\nx-request-id: r-1\r\ntraceparent: 00-4bf9[^-]*-[0-9a-f]{16}-01$/s
      )
      assert.notStrictEqual(again, once)
      const spanless = (head: string) => head.replace(/[0-9a-f]{16}-01$/, "")
      assert.strictEqual(spanless(again), spanless(once))
    })
  )

  it.effect("a body with its type, of a POST alone", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, {})
      yield* Effect.all([fetch(1), fetch(1_000)])
      assert.deepStrictEqual(
        exchanges.map(({ method, body, headers }) => [method, body, headers["content-type"]]),
        [
          ["GET", undefined, undefined],
          ["POST", `{"id":1000}`, "application/json"]
        ]
      )
    })
  )

  it.effect("nothing at all, once the deadline has passed", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, {})
      for (const id of [1, 1_000]) {
        assert.strictEqual(outcome(yield* Effect.exit(Deadline.within(0)(fetch(id)))), "Timeout of deadline")
      }
      assert.deepStrictEqual(exchanges, [])
    })
  )

  it.effect("an attempt is aborted when the last of its callers leaves, and not before", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => Effect.never, {})
      const [first, second] = yield* Effect.all([fork(fetch(1)), fork(fetch(1))])
      yield* Fiber.interrupt(first)
      assert.strictEqual(exchanges[0]?.state, "open")
      yield* Fiber.interrupt(second)
      assert.strictEqual(exchanges[0]?.state, "aborted")
      assert.strictEqual(exchanges.length, 1)
    })
  )
})
