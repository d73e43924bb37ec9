import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Direct from "@portico/call/Direct"
import * as Provenance from "@portico/call/Provenance"
import { Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import { bad, ended, good, hedgeAlways, outcome, several, Thing, thingOver } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

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

    it.effect("a storm of calls to an upstream that always fails makes less than 1.25 attempts of each", () =>
      Effect.gen(function* () {
        const { fetch, exchanges } = yield* thingOver(() => bad, { retries: 4 })
        const requests = 10_000
        // Five hundred a second.
        for (let id = 0; id < requests; id++) {
          yield* fork(Effect.exit(fetch(id % 1_000)))
          yield* TestClock.adjust("2 millis")
        }
        yield* TestClock.adjust("5 seconds")
        assert.isBelow(exchanges.length, 1.25 * requests)
        // And it was a storm: the budget was used.
        assert.isAtLeast(exchanges.length, 1.15 * requests)
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

    it.effect("the last good answer is told at once, which takes no fiber", () =>
      Effect.gen(function* () {
        const { context, fetch } = yield* thingOver(() => good, policies)
        yield* Effect.exit(fetch(1))
        const asked = Thing.lastGood({ id: 1 })
        let told: unknown
        yield* Effect.withFiber((fiber) => {
          if (Direct.isDirect(asked))
            asked.begin({ fiber, context, trail: undefined }, { tell: (exit) => (told = exit) })
          return Effect.void
        })
        assert.deepStrictEqual(told, Exit.succeed(Option.some({ value: { name: "a" }, ageMillis: 0 })))
      })
    )

    it.effect("what throws as it is said what to ask is a defect, of a call and of the last good answer", () =>
      Effect.gen(function* () {
        const { fetch, lastGood } = yield* thingOver(() => good, policies)
        assert.deepStrictEqual([yield* ended(fetch(-1)), yield* ended(lastGood(-1))], ["Die", "Die"])
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

    it.effect(
      "how long calls take as a rule is known of those that asked, not of those that were answered from memory",
      () =>
        Effect.gen(function* () {
          const slow = (millis: number) => Effect.andThen(Effect.sleep(millis), good)
          const { fetch, usualMillis } = yield* thingOver((_, nth) => slow(nth === 1 ? 40 : 60), {
            freshFor: "1 minute"
          })
          assert.strictEqual(usualMillis(), 0)
          yield* ended(fetch(1))
          assert.strictEqual(usualMillis(), 40)
          yield* Effect.andThen(fetch(1), fetch(1))
          assert.strictEqual(usualMillis(), 40)
          yield* ended(fetch(2))
          assert.strictEqual(usualMillis(), 42)
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
