import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import type * as Breaker from "../src/Breaker.ts"
import { Payload, Rejected, Status, Timeout, Unreachable, type UpstreamError } from "../src/UpstreamError.ts"
import { bad, because, begin, good, halfOpen, make, NoThing, opened, refusal, stateOf, times } from "./PlayedBreaker.ts"

describe("a closed breaker", () => {
  it.effect("opens when half of twenty calls were bad, and not before there are twenty", () =>
    Effect.gen(function* () {
      const breaker = make()
      yield* times(10, breaker, good)
      yield* times(9, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "closed")
      yield* times(1, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "open")
      const few = make()
      yield* times(19, few, bad)
      assert.strictEqual(yield* stateOf(few), "closed")
    })
  )

  it.effect("stays closed while less than half are bad, however many", () =>
    Effect.gen(function* () {
      const breaker = make()
      yield* times(101, breaker, good)
      yield* times(100, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  it.effect("forgets what is older than ten seconds", () =>
    Effect.gen(function* () {
      const breaker = make()
      yield* times(19, breaker, bad)
      yield* TestClock.adjust("10 seconds")
      yield* times(19, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "closed")
      yield* times(1, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "open")
    })
  )

  it.effect("good calls of long ago do not speak for an upstream that fails now", () =>
    Effect.gen(function* () {
      const breaker = make()
      yield* times(1_000, breaker, good)
      yield* TestClock.adjust("10 seconds")
      yield* times(20, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "open")
    })
  )

  const counted: Record<string, readonly [error: UpstreamError | NoThing, counts: "bad" | "good" | "neither"]> = {
    "a connection refused": [because(new Unreachable({ why: "refused" })), "bad"],
    "an attempt's timeout": [because(new Timeout({ limit: "attempt" })), "bad"],
    "the deadline's timeout": [because(new Timeout({ limit: "deadline" })), "neither"],
    "500": [because(new Status({ status: 500 })), "bad"],
    "429": [because(new Status({ status: 429 })), "neither"],
    "400": [because(new Status({ status: 400 })), "neither"],
    "a body that is not JSON": [because(new Payload({ why: "not JSON" })), "bad"],
    "a full bulkhead": [because(new Rejected({ by: "bulkhead" })), "neither"],
    "an open circuit further in": [because(new Rejected({ by: "circuit breaker" })), "neither"],
    "an input that makes no path": [because(new Rejected({ by: "path" })), "neither"],
    "an error of the domain": [new NoThing(), "good"]
  }
  for (const [name, [error, counts]] of Object.entries(counted)) {
    it.effect(`${name} is ${counts === "neither" ? "neither good nor bad" : counts}`, () =>
      Effect.gen(function* () {
        const alone = make()
        yield* times(20, alone, Effect.fail(error))
        assert.strictEqual(yield* stateOf(alone), counts === "bad" ? "open" : "closed")
        // Twenty good ones among thirty-nine keep it closed; of those that are neither it takes no notice.
        const among = make()
        yield* times(20, among, Effect.fail(error))
        yield* times(19, among, bad)
        assert.strictEqual(yield* stateOf(among), counts === "bad" ? "open" : "closed")
        yield* times(1, among, bad)
        assert.strictEqual(yield* stateOf(among), "open")
      })
    )
  }

  it.effect("around an Effect of any kind, bad is what is said to be; the rest stays as it is", () =>
    Effect.gen(function* () {
      const alone = make({ counts: (error) => error instanceof NoThing })
      yield* times(19, alone, Effect.fail(new NoThing()))
      assert.strictEqual(yield* stateOf(alone), "closed")
      yield* times(1, alone, Effect.fail(new NoThing()))
      assert.strictEqual(yield* stateOf(alone), "open")
      const other = make({ counts: () => false })
      yield* times(20, other, Effect.fail("anything else"))
      yield* times(20, other, bad)
      assert.strictEqual(yield* stateOf(other), "closed")
    })
  )

  it.effect("a caller who leaves, and a defect, say nothing", () =>
    Effect.gen(function* () {
      const breaker = make()
      for (let call = 0; call < 30; call++) {
        yield* Fiber.interrupt(yield* begin(breaker, Effect.never))
        yield* Effect.exit(breaker(Effect.die("bug")))
      }
      assert.strictEqual(yield* stateOf(breaker), "closed")
      yield* times(19, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "closed")
      yield* times(1, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "open")
    })
  )
})

describe("an open breaker", () => {
  it.effect("refuses without asking, and says after how long it is worth asking again", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      let asked = false
      const result = yield* Effect.result(breaker(Effect.sync(() => (asked = true))))
      assert.isFalse(asked)
      if (result._tag !== "Failure" || result.failure.reason._tag !== "Rejected") return assert.fail(result._tag)
      assert.strictEqual(result.failure.upstream, "thing")
      const { by, retryAfterMillis = NaN } = result.failure.reason
      assert.strictEqual(by, "circuit breaker")
      yield* TestClock.adjust(Math.ceil(retryAfterMillis) - 1)
      assert.strictEqual(yield* stateOf(breaker), "open")
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* stateOf(breaker), "half-open")
    })
  )

  it.effect("makes one error for all that it refuses at one instant, and says of each instant what is left", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      const error = Effect.flip(breaker(Effect.succeed("answer")))
      const first = yield* error
      assert.strictEqual(yield* error, first)
      yield* TestClock.adjust("1 millis")
      const next = yield* error
      assert.closeTo((first.retryAfterMillis ?? NaN) - (next.retryAfterMillis ?? NaN), 1, 1e-6)
      breaker.force("open")
      assert.isUndefined((yield* error).retryAfterMillis)
      breaker.force(undefined)
      assert.strictEqual((yield* error).retryAfterMillis, next.retryAfterMillis)
    })
  )

  it.effect("is open twice as long with each opening in a row, to thirty seconds, give or take a fifth", () =>
    Effect.gen(function* () {
      const factors: Array<number> = []
      for (let round = 0; round < 100; round++) {
        const breaker = yield* opened()
        for (const usual of [1, 2, 4, 8, 16, 30, 30]) {
          const { retryAfterMillis = NaN } = (yield* refusal(breaker)) ?? {}
          const factor = retryAfterMillis / (usual * 1_000)
          assert.isTrue(factor > 0.799 && factor < 1.201, `${retryAfterMillis} of ${usual} s`)
          factors.push(factor)
          yield* TestClock.adjust(Math.ceil(retryAfterMillis))
          yield* times(1, breaker, bad)
          assert.strictEqual(yield* stateOf(breaker), "open")
        }
      }
      // Spread over all of it, so that many processes do not come back in one moment.
      assert.isBelow(Math.min(...factors), 0.82)
      assert.isAbove(Math.max(...factors), 1.18)
    }).pipe(Random.withSeed("jitter"))
  )

  it.effect("starts with a second again when it was well for a whole window", () =>
    Effect.gen(function* () {
      for (const [well, usual] of [
        [9_000, 2_000],
        [10_000, 1_000]
      ] as const) {
        const breaker = yield* halfOpen()
        yield* times(3, breaker, good)
        assert.strictEqual(yield* stateOf(breaker), "closed")
        yield* TestClock.adjust(well)
        yield* times(20, breaker, bad)
        const { retryAfterMillis = NaN } = (yield* refusal(breaker)) ?? {}
        assert.isTrue(retryAfterMillis >= 0.8 * usual && retryAfterMillis <= 1.2 * usual, `${retryAfterMillis}`)
      }
    }).pipe(Random.withSeed("well"))
  )

  it.effect("takes no notice of calls that began before it opened", () =>
    Effect.gen(function* () {
      const turned: Array<Breaker.State> = []
      const breaker = make({ onTransition: (to) => turned.push(to) })
      for (let call = 0; call < 30; call++) yield* begin(breaker, Effect.andThen(Effect.sleep("5 seconds"), bad))
      yield* times(20, breaker, bad)
      yield* TestClock.adjust("1200 millis")
      yield* times(3, breaker, good)
      assert.deepStrictEqual(turned, ["open", "half-open", "closed"])
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* stateOf(breaker), "closed")
      // Nor have they been counted.
      yield* times(19, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )
})
