import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import * as Provenance from "@portico/call/Provenance"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Context, Deferred, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { coalesceOf, flights } from "./PlayedFlights.ts"
import { fork, nothingLeft } from "./Running.ts"

describe("Coalesce", () => {
  it.effect("callers of one key share one flight; another key has its own", () =>
    Effect.gen(function* () {
      let joined = 0
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call, () => joined++)
      const callers = yield* Effect.forEach(["a", "a", "b", "a"], (key) => fork(fetch(key)))
      assert.strictEqual(fetch.size(), 2)
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), ["a1", "a1", "b2", "a1"])
      assert.deepStrictEqual(log, ["a1 begins", "b2 begins", "a1 ends", "b2 ends"])
      assert.strictEqual(joined, 2)
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("who comes after the flight has ended begins another, even at the same instant", () =>
    Effect.gen(function* () {
      const { call } = flights()
      const fetch = yield* coalesceOf(call)
      const twice = yield* fork(Effect.all([fetch("a"), fetch("a")]))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* Fiber.join(twice), ["a1", "a2"])
    })
  )

  it.effect("a call that ends at once leaves nothing behind", () =>
    Effect.gen(function* () {
      const fetch = yield* coalesceOf((key) => Effect.succeed(key))
      assert.strictEqual(yield* fetch("a").pipe(Deadline.within("1 second")), "a")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect(
    "of the first caller only what names the request goes with the flight: not its deadline, nor anything else",
    () =>
      Effect.gen(function* () {
        const Secret = Context.Reference<string>("test/Secret", { defaultValue: () => "none" })
        const seen: Array<object> = []
        const fetch = yield* coalesceOf(() =>
          Effect.withFiber((fiber) => {
            seen.push({
              secret: fiber.getRef(Secret),
              trail: fiber.getRef(Provenance.CurrentTrail),
              deadline: fiber.getRef(Deadline.Deadline),
              requestId: fiber.getRef(RequestId.RequestId),
              trace: fiber.getRef(TraceContext.TraceContext)
            })
            return Effect.void
          })
        )
        const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", flags: "01" }
        yield* fetch("a").pipe(
          Deadline.within("300 millis"),
          Effect.provideService(Secret, "the first caller's"),
          Effect.provideService(Provenance.CurrentTrail, { provenance: "fetched" }),
          Effect.provideService(RequestId.RequestId, "r-1"),
          Effect.provideService(TraceContext.TraceContext, trace)
        )
        // Its own limit of 1 s from now, rather than what the first caller has left.
        assert.deepStrictEqual(seen, [{ secret: "none", trail: undefined, deadline: 1_000, requestId: "r-1", trace }])
      })
  )

  it.effect("who joins keeps its own trace and request id, for whatever it asks next", () =>
    Effect.gen(function* () {
      const sent: Array<readonly [key: string, requestId: string, traceId: string | undefined]> = []
      const fetch = yield* coalesceOf((key) =>
        Effect.withFiber((fiber) => {
          const trace = fiber.getRef(TraceContext.TraceContext)
          sent.push([key, fiber.getRef(RequestId.RequestId), trace?.traceId])
          return Effect.sleep("50 millis")
        })
      )
      const callers = yield* Effect.forEach(["1", "2"], (name) =>
        fork(
          Effect.andThen(fetch("shared"), fetch(`own ${name}`)).pipe(
            Effect.provideService(RequestId.RequestId, `r-${name}`),
            Effect.provideService(TraceContext.TraceContext, { traceId: `t-${name}`, flags: "00" })
          )
        )
      )
      yield* TestClock.adjust("100 millis")
      yield* Effect.forEach(callers, Fiber.join)
      assert.deepStrictEqual(sent, [
        ["shared", "r-1", "t-1"],
        ["own 1", "r-1", "t-1"],
        ["own 2", "r-2", "t-2"]
      ])
    })
  )

  it.effect("the flight has what the coalescer was made with, and not what a caller provides", () =>
    Effect.gen(function* () {
      class Greeting extends Context.Service<Greeting, string>()("test/Greeting") {}
      const fetch = yield* coalesceOf(() => Effect.map(Greeting, String)).pipe(
        Effect.provideService(Greeting, "made with")
      )
      assert.strictEqual(yield* Effect.provideService(fetch("a"), Greeting, "called with"), "made with")
    })
  )

  it.effect("the first caller's deadline ends its wait and nobody else's", () =>
    Effect.gen(function* () {
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call)
      const opener = yield* fork(fetch("a").pipe(Deadline.within("100 millis"), Effect.result))
      yield* TestClock.adjust("40 millis")
      const hurried = yield* fork(fetch("a").pipe(Deadline.within("5 millis"), Effect.flip))
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(yield* Fiber.join(hurried), "late")
      assert.isUndefined(opener.pollUnsafe())
      yield* TestClock.adjust("5 millis")
      assert.strictEqual((yield* Fiber.join(opener))._tag, "Success")
      assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a caller with time left gets the answer that comes after the first caller's deadline", () =>
    Effect.gen(function* () {
      const fetch = yield* coalesceOf((key) => Effect.as(Effect.sleep("150 millis"), key))
      const first = yield* fork(fetch("a").pipe(Deadline.within("120 millis"), Effect.flip))
      const second = yield* fork(fetch("a").pipe(Deadline.within("200 millis")))
      yield* TestClock.adjust("120 millis")
      assert.strictEqual(yield* Fiber.join(first), "late")
      yield* TestClock.adjust("30 millis")
      assert.strictEqual(yield* Fiber.join(second), "a")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("who comes after its deadline begins nothing", () =>
    Effect.gen(function* () {
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call)
      assert.strictEqual(yield* fetch("a").pipe(Deadline.within(0), Effect.flip), "late")
      assert.deepStrictEqual(log, [])
    })
  )

  describe("a first caller with too little time for one attempt", () => {
    it.effect("shares its flight with whoever has up to twice as much, and cuts nobody short", () =>
      Effect.gen(function* () {
        const { log, call } = flights()
        const fetch = yield* coalesceOf(call)
        const poor = yield* fork(fetch("a").pipe(Deadline.within("45 millis"), Effect.flip))
        const others = yield* Effect.forEach([60, 90], (budget) => fork(fetch("a").pipe(Deadline.within(budget))))
        assert.strictEqual(fetch.size(), 1)
        yield* TestClock.adjust("45 millis")
        assert.strictEqual(yield* Fiber.join(poor), "late")
        yield* TestClock.adjust("5 millis")
        assert.deepStrictEqual(yield* Effect.forEach(others, Fiber.join), ["a1", "a1"])
        assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("leaves whoever has more than twice as much to a flight of its own, which newcomers join", () =>
      Effect.gen(function* () {
        const { log, call } = flights()
        const fetch = yield* coalesceOf(call)
        const poor = yield* fork(fetch("a").pipe(Deadline.within("45 millis"), Effect.flip))
        const rich = yield* Effect.forEach([1_000, Infinity, 60], (budget) =>
          fork(fetch("a").pipe(Deadline.within(budget)))
        )
        assert.strictEqual(fetch.size(), 2)
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* Fiber.join(poor), "late")
        assert.deepStrictEqual(yield* Effect.forEach(rich, Fiber.join), ["a2", "a2", "a2"])
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
        yield* nothingLeft(fetch.size)
      })
    )
  })

  it.effect("a flight ends at its limit, whoever waits for it, and for whatever it waits", () =>
    Effect.gen(function* () {
      const ended: Array<string> = []
      const fetch = yield* coalesceOf((key) =>
        Effect.onInterrupt(Effect.never, () => Effect.sync(() => void ended.push(key)))
      )
      const callers = yield* Effect.forEach([Infinity, 2_000], (budget) =>
        fork(fetch("a").pipe(Deadline.within(budget), Effect.flip))
      )
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(ended, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(ended, ["a"])
      assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), ["late", "late"])
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a caller that goes on at once with the same key does not find the flight that has just ended", () =>
    Effect.gen(function* () {
      const gates = [Deferred.makeUnsafe<string>(), Deferred.makeUnsafe<string>()]
      let calls = 0
      const fetch = yield* coalesceOf(() => Deferred.await(gates[calls++] ?? Deferred.makeUnsafe<string>()))
      const caller = yield* fork(Effect.all([fetch("a"), fetch("a")]))
      const other = yield* fork(fetch("a"))
      // The first caller goes on, synchronously, before the other one has been told.
      yield* Deferred.succeed(gates[0] ?? Deferred.makeUnsafe<string>(), "one")
      assert.strictEqual(yield* Fiber.join(other), "one")
      yield* Deferred.succeed(gates[1] ?? Deferred.makeUnsafe<string>(), "two")
      assert.deepStrictEqual(yield* Fiber.join(caller), ["one", "two"])
    })
  )

  it.effect("notes on the trail of who joined, and of nobody else", () =>
    Effect.gen(function* () {
      const { call } = flights()
      const fetch = yield* coalesceOf(call)
      const trails: Array<Provenance.Trail> = [{ provenance: "fetched" }, { provenance: "fetched" }]
      for (const trail of trails) yield* fork(Effect.provideService(fetch("a"), Provenance.CurrentTrail, trail))
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(trails, [{ provenance: "fetched" }, { provenance: "coalesced" }])
    })
  )
})
