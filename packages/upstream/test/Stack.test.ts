import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Provenance from "@portico/call/Provenance"
import { Effect, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import { outcome, thingOver } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"

const good = PlayedTransport.ok({ name: "a" })
const bad = PlayedTransport.status(503)

/** Hedges whatever is known, from the first call on. */
const hedgeAlways = { quantile: 0, window: "1 hour", extra: 1, floor: "30 millis", atLeast: 0, tail: 0 } as const

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Runs it to its end, however long that takes on the test's clock, and says what became of it: `ok`, or the reason. */
const ended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* fork(Effect.exit(effect))
    yield* TestClock.adjust("5 seconds")
    return outcome(yield* Fiber.join(fiber))
  })

const several = <A, E, R>(times: number, effect: (nth: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: times }, (_, nth) => nth),
    effect,
    { concurrency: 1 }
  )

describe("the stack of policies", () => {
  describe("breaker and retry", () => {
    const breaker = { ...Breaker.defaults, minimum: 4, window: "10 minutes", openFor: "30 seconds" } as const

    it.effect("a call that was retried is one outcome: the breaker opens after so many calls, not attempts", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => bad, { retries: 1, breaker })
        const outcomes = yield* several(5, () => ended(fetch(1)))
        assert.deepStrictEqual(outcomes, [
          ...Array.from({ length: 4 }, () => "Status 503"),
          "Rejected by circuit breaker"
        ])
        assert.strictEqual(exchanges.length, 8)
      })
    )

    it.effect("a call that a retry saved was good: the breaker stays closed though every other attempt fails", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver((_, nth) => (nth % 2 === 1 ? bad : good), { retries: 1, breaker })
        const outcomes = yield* several(12, () => ended(fetch(1)))
        assert.deepStrictEqual(new Set(outcomes), new Set(["ok"]))
        assert.strictEqual(exchanges.length, 24)
      })
    )

    it.effect("a call that the breaker refuses is not retried, and costs no attempt", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => bad, { retries: 3, breaker })
        yield* several(4, () => ended(fetch(1)))
        const before = exchanges.length
        const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        assert.strictEqual(outcome(yield* Effect.exit(fetch(1))), "Rejected by circuit breaker")
        assert.strictEqual(yield* Effect.clockWith((clock) => clock.currentTimeMillis), start)
        assert.strictEqual(exchanges.length, before)
      })
    )

    it.effect("callers of one flight are one outcome", () =>
      Effect.gen(function* () {
        const slow = Effect.andThen(Effect.sleep("10 millis"), bad)
        const { fetch, exchanges } = yield* thingOver(() => slow, { breaker })
        const crowd = Effect.forEach([1, 1, 1, 1, 1], (id) => Effect.exit(fetch(id)), { concurrency: "unbounded" })
        yield* several(3, () => ended(crowd))
        assert.strictEqual(yield* ended(fetch(1)), "Status 503")
        assert.strictEqual(exchanges.length, 4)
        assert.strictEqual(yield* ended(fetch(1)), "Rejected by circuit breaker")
      })
    )

    it.effect("an attempt's timeout speaks against the upstream, a caller's lateness does not", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => Effect.never, { breaker })
        const late = yield* several(8, () => ended(Deadline.within("30 millis")(fetch(1))))
        assert.deepStrictEqual(new Set(late), new Set(["Timeout of deadline"]))
        const slow = yield* several(5, () => ended(fetch(1)))
        assert.deepStrictEqual(slow, [
          ...Array.from({ length: 4 }, () => "Timeout of attempt"),
          "Rejected by circuit breaker"
        ])
        assert.isTrue(exchanges.every(({ state }) => state === "aborted"))
      })
    )

    it.effect("an error of the domain is an answer: neither retried nor counted", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => PlayedTransport.status(404), { retries: 2, breaker })
        assert.deepStrictEqual(new Set(yield* several(12, () => ended(fetch(1)))), new Set(["domain error"]))
        assert.strictEqual(exchanges.length, 12)
      })
    )
  })

  describe("bulkhead", () => {
    it.effect("an attempt beyond its permits is refused at once and not sent; it is not retried either", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => Effect.never, { bulkhead: 1, retries: 2 })
        yield* fork(Effect.exit(fetch(1)))
        assert.strictEqual(outcome(yield* Effect.exit(fetch(2))), "Rejected by bulkhead")
        assert.strictEqual(exchanges.length, 1)
      })
    )

    it.effect("a back-off holds no permit: another call passes while one waits to be sent again", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          (_, nth) => (nth === 1 ? PlayedTransport.status(503, { "retry-after": "1" }) : good),
          { bulkhead: 1, retries: 1 }
        )
        const waiting = yield* fork(Effect.exit(fetch(1)))
        yield* TestClock.adjust("500 millis")
        assert.strictEqual(outcome(yield* Effect.exit(fetch(2))), "ok")
        yield* TestClock.adjust("500 millis")
        assert.strictEqual(outcome(yield* Fiber.join(waiting)), "ok")
        assert.deepStrictEqual(
          exchanges.map(({ path, at }) => [path, at]),
          [
            ["/things/1", 0],
            ["/things/2", 500],
            ["/things/1", 1_000]
          ]
        )
      })
    )

    it.effect("a permit comes back however the attempt ended", () =>
      Effect.gen(function* () {
        const plays = [bad, Effect.never, Effect.die("bug"), Effect.never, good]
        const { fetch } = yield* thingOver((_, nth) => plays[nth - 1] ?? good, { bulkhead: 1 })
        assert.strictEqual(yield* ended(fetch(1)), "Status 503")
        assert.strictEqual(yield* ended(fetch(1)), "Timeout of attempt")
        assert.strictEqual(yield* ended(fetch(1)), "Die")
        yield* Fiber.interrupt(yield* fork(fetch(1)))
        assert.strictEqual(yield* ended(fetch(1)), "ok")
      })
    )
  })

  describe("hedge", () => {
    const hedge = { quantile: 0.9, window: "1 hour", extra: 1, floor: "10 millis", atLeast: 10, tail: 1.5 } as const
    /** Ten quick answers and two slow ones, so that there is a tail; then as the test says. */
    const after =
      (rest: PlayedTransport.Play): PlayedTransport.Play =>
      (exchange, nth) =>
        nth <= 12 ? Effect.andThen(Effect.sleep(nth <= 10 ? 5 : 40), good) : rest(exchange, nth)
    const warmUp = (fetch: (id: number) => Effect.Effect<unknown, unknown>) => several(12, () => ended(fetch(0)))

    it.effect("a call slower than the tail is sent a second time; the first answer wins and the other is aborted", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          after((_, nth) => (nth === 13 ? Effect.never : good)),
          { hedge, bulkhead: 2 }
        )
        yield* warmUp(fetch)
        assert.strictEqual(yield* ended(fetch(1)), "ok")
        assert.deepStrictEqual(
          exchanges.slice(12).map(({ path, state }) => [path, state]),
          [
            ["/things/1", "aborted"],
            ["/things/1", "answered"]
          ]
        )
      })
    )

    it.effect("a hedge needs a permit of its own; without one the first attempt goes on alone", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          after(() => Effect.andThen(Effect.sleep("90 millis"), good)),
          { hedge, bulkhead: 1 }
        )
        yield* warmUp(fetch)
        assert.strictEqual(yield* ended(fetch(1)), "ok")
        assert.strictEqual(exchanges.length, 13)
      })
    )

    it.effect("a caller that leaves aborts both attempts", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          after(() => Effect.never),
          { hedge }
        )
        yield* warmUp(fetch)
        const caller = yield* fork(fetch(1))
        yield* TestClock.adjust("60 millis")
        assert.deepStrictEqual(
          exchanges.slice(12).map(({ state }) => state),
          ["open", "open"]
        )
        yield* Fiber.interrupt(caller)
        assert.deepStrictEqual(
          exchanges.slice(12).map(({ state }) => state),
          ["aborted", "aborted"]
        )
        assert.strictEqual(yield* Alarm.pending, 0)
      })
    )

    it.effect("an attempt that fails is not sent again while its hedge may still answer", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          after((_, nth) =>
            nth === 13 ? Effect.andThen(Effect.sleep("60 millis"), bad) : Effect.delay(good, "50 millis")
          ),
          { hedge, retries: 1 }
        )
        yield* warmUp(fetch)
        assert.strictEqual(yield* ended(fetch(1)), "ok")
        assert.deepStrictEqual(
          exchanges.slice(12).map(({ state }) => state),
          ["answered", "answered"]
        )
      })
    )

    it.effect("a slow attempt and its hedge are one try for the retry and the breaker", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(
          after((_, nth) => (nth <= 14 ? Effect.never : good)),
          { hedge, retries: 1 }
        )
        yield* warmUp(fetch)
        assert.strictEqual(yield* ended(fetch(1)), "ok")
        // Both of the first try ran out of time, and one retry answered.
        assert.deepStrictEqual(
          exchanges.slice(12).map(({ state }) => state),
          ["aborted", "aborted", "answered"]
        )
      })
    )
  })

  it.effect("a POST is sent once for each call: never again, never in another's place, never from memory", () =>
    Effect.gen(function* () {
      const { fetch, lastGood, exchanges } = yield* thingOver(
        (_, nth) => (nth === 1 ? bad : nth <= 3 ? Effect.never : good),
        { retries: 3, freshFor: "1 minute", staleIfError: "1 minute", hedge: hedgeAlways, bulkhead: 10 }
      )
      assert.strictEqual(yield* ended(fetch(1_000)), "Status 503")
      assert.strictEqual(exchanges.length, 1)
      const both = Effect.forEach([1_000, 1_000], (id) => Effect.exit(fetch(id)), { concurrency: "unbounded" })
      yield* ended(both)
      assert.strictEqual(exchanges.length, 3)
      assert.deepStrictEqual(yield* several(2, () => ended(fetch(1_000))), ["ok", "ok"])
      assert.strictEqual(exchanges.length, 5)
      assert.deepStrictEqual(
        new Set(exchanges.map(({ method, body }) => `${method} ${body}`)),
        new Set([`POST {"id":1000}`])
      )
      assert.deepStrictEqual(yield* lastGood(1_000), Option.none())
    })
  )

  describe("answers from before", () => {
    const policies = {
      freshFor: "1 second",
      staleIfError: "30 seconds",
      breaker: { ...Breaker.defaults, minimum: 2 }
    } as const

    it.effect("a stale answer comes only to who asks for it: fetch fails, lastGood has it with its age", () =>
      Effect.gen(function* () {
        const { fetch, lastGood, exchanges } = yield* thingOver((_, nth) => (nth === 1 ? good : bad), policies)
        assert.strictEqual(outcome(yield* Effect.exit(fetch(1))), "ok")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(outcome(yield* Effect.exit(fetch(1))), "Status 503")
        assert.deepStrictEqual(yield* lastGood(1), Option.some({ value: { name: "a" }, ageMillis: 10_000 }))
        assert.deepStrictEqual(yield* lastGood(2), Option.none())
        yield* TestClock.adjust("20001 millis")
        assert.deepStrictEqual(yield* lastGood(1), Option.none())
        assert.strictEqual(exchanges.length, 2)
      })
    )

    it.effect("a fresh answer is given though the circuit is open: nothing below is asked", () =>
      Effect.gen(function* () {
        const { fetch } = yield* thingOver(({ path }) => (path === "/things/1" ? good : bad), policies)
        yield* Effect.exit(fetch(1))
        yield* Effect.exit(fetch(2))
        assert.strictEqual(outcome(yield* Effect.exit(fetch(3))), "Rejected by circuit breaker")
        assert.strictEqual(outcome(yield* Effect.exit(fetch(1))), "ok")
      })
    )

    it.effect("the trail of each part says how its answer was had", () =>
      Effect.gen(function* () {
        const { fetch } = yield* thingOver(() => Effect.andThen(Effect.sleep("10 millis"), good), policies)
        const trails = Array.from({ length: 3 }, (): Provenance.Trail => ({ provenance: "fetched" }))
        const traced = trails.map((trail) => Effect.provideService(fetch(1), Provenance.CurrentTrail, trail))
        const [first = Effect.void, second = Effect.void, third = Effect.void] = traced
        yield* ended(Effect.andThen(Effect.all([first, second], { concurrency: "unbounded" }), third))
        assert.deepStrictEqual(
          trails.map(({ provenance }) => provenance),
          ["fetched", "coalesced", "cached"]
        )
      })
    )
  })

  it.effect(
    "a bug in reading an answer is the defect of who asked, at once; it costs no permit, and no other call",
    () =>
      Effect.gen(function* () {
        const teapot = Effect.andThen(Effect.sleep("10 millis"), PlayedTransport.status(418))
        const { fetch } = yield* thingOver(({ path }) => (path === "/things/1" ? teapot : good), { bulkhead: 1 })
        const caller = yield* fork(Effect.exit(fetch(1)))
        yield* TestClock.adjust("10 millis")
        assert.strictEqual(outcome(yield* Fiber.join(caller)), "Die")
        assert.strictEqual(outcome(yield* Effect.exit(fetch(2))), "ok")
        assert.strictEqual(yield* Alarm.pending, 0)
      })
  )

  it.effect("nothing is left when all have their answers: no flight, no alarm", () =>
    Effect.gen(function* () {
      const { fetch } = yield* thingOver(
        (_, nth) => (nth % 3 === 0 ? Effect.never : nth % 3 === 1 ? bad : Effect.andThen(Effect.sleep(nth), good)),
        { retries: 1, hedge: hedgeAlways, bulkhead: 50, breaker: Breaker.defaults, freshFor: "5 millis" }
      )
      const crowd = Effect.forEach(
        Array.from({ length: 200 }, (_, nth) => nth),
        (nth) => Effect.exit(Deadline.within(20 + (nth % 50) * 10)(fetch(nth % 40))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(yield* ended(crowd), "ok")
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )
})
