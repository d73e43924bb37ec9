import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { bad, ended, good, outcome, several, thingOver } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

describe("bulkhead and hedge in the stack", () => {
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
})
