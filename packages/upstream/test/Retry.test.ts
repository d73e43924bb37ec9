import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Data, Effect, Exit, Fiber, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../src/Retry.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import { Payload, type Reason, Rejected, Status, Timeout, Unreachable, UpstreamError } from "../src/UpstreamError.ts"

class NoThing extends Data.TaggedError("NoThing")<{}> {}

const because = (reason: Reason) => new UpstreamError({ upstream: "thing", reason })
const status = (status: number, retryAfterMillis?: number) =>
  because(new Status({ status, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) }))

/** A call that fails with each error in turn and then succeeds, and the instants of its attempts. */
const failing = <E>(errors: ReadonlyArray<E>) => {
  const at: Array<number> = []
  const call = Effect.clockWith((clock) => {
    const error = errors[at.push(clock.currentTimeMillisUnsafe()) - 1]
    return error === undefined ? Effect.succeed("answer") : Effect.fail(error)
  })
  return { at, call }
}

/** Runs to the end, moving the clock by a minute. */
const toTheEnd = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(self)
    yield* TestClock.adjust("1 minute")
    const exit = fiber.pollUnsafe()
    assert.isDefined(exit)
    return exit
  })

const twice = Retry.make({ times: 2, budget: RetryBudget.infinite })

describe("Retry", () => {
  const reasons: ReadonlyArray<readonly [name: string, error: UpstreamError | NoThing | string, again: boolean]> = [
    ["a connection refused", because(new Unreachable({ why: "refused" })), true],
    ["a connection reset", because(new Unreachable({ why: "reset" })), true],
    ["an attempt's timeout", because(new Timeout({ limit: "attempt" })), true],
    ["500", status(500), true],
    ["503", status(503), true],
    ["429", status(429), true],
    ["the deadline's timeout", because(new Timeout({ limit: "deadline" })), false],
    ["400", status(400), false],
    ["409", status(409), false],
    ["a body that is not JSON", because(new Payload({ why: "not JSON" })), false],
    ["an open circuit", because(new Rejected({ by: "circuit breaker", retryAfterMillis: 10 })), false],
    ["a full bulkhead", because(new Rejected({ by: "bulkhead" })), false],
    ["an error of the domain", new NoThing(), false],
    ["a string", "no", false]
  ]
  for (const [name, error, again] of reasons) {
    it.effect(`${name} is ${again ? "tried again" : "not tried again"}`, () =>
      Effect.gen(function* () {
        const { at, call } = failing([error])
        const exit = yield* toTheEnd(twice(call))
        assert.deepStrictEqual(exit, again ? Exit.succeed("answer") : Exit.fail(error))
        assert.strictEqual(at.length, again ? 2 : 1)
      })
    )
  }

  it.effect("a defect is not tried again", () =>
    Effect.gen(function* () {
      let attempts = 0
      const call = Effect.suspend(() => {
        attempts++
        return Effect.die("bug")
      })
      assert.deepStrictEqual(yield* toTheEnd(twice(call)), Exit.die("bug"))
      assert.strictEqual(attempts, 1)
    })
  )

  it.effect("gives up with the last error when the attempts are used up", () =>
    Effect.gen(function* () {
      const { at, call } = failing([status(500), status(502), status(503), status(504)])
      assert.deepStrictEqual(yield* toTheEnd(twice(call)), Exit.fail(status(503)))
      assert.strictEqual(at.length, 3)
    })
  )

  it.effect("what succeeds does not wait, and nothing is taken from the budget", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make(RetryBudget.defaults)
      const retry = Retry.make({ times: 2, budget })
      for (let call = 0; call < 10; call++) assert.strictEqual(yield* retry(Effect.succeed("answer")), "answer")
      assert.strictEqual(yield* Clock.currentTimeMillis, 0)
      assert.strictEqual(budget.balance(0), 102)
    })
  )

  it.effect("waits a random time up to a bound that doubles up to a cap", () =>
    Effect.gen(function* () {
      const retry = Retry.make({ times: 4, budget: RetryBudget.infinite, base: "100 millis", cap: "500 millis" })
      const runs = Array.from({ length: 1_000 }, () => failing(Array.from({ length: 4 }, () => status(503))))
      const all = yield* Effect.forkChild(
        Effect.forEach(runs, ({ call }) => retry(call), { concurrency: "unbounded", discard: true })
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(all)
      for (const [index, bound] of [100, 200, 400, 500].entries()) {
        const waits = runs.map(({ at }) => at[index + 1]! - at[index]!)
        assert.isAtMost(Math.max(...waits), bound)
        assert.isTrue(waits.every(Number.isInteger))
        // Full jitter: from nothing to all of it, and the mean in the middle.
        assert.isAtLeast(Math.max(...waits), 0.95 * bound)
        assert.isAtMost(Math.min(...waits), 0.05 * bound)
        const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length
        assert.isTrue(mean > 0.45 * bound && mean < 0.55 * bound, `${mean} of ${bound}`)
      }
    }).pipe(Random.withSeed("jitter"))
  )

  it.effect("waits as long as Retry-After asks, where that is longer", () =>
    Effect.gen(function* () {
      const { at, call } = failing([status(503, 700), status(429, 0)])
      assert.deepStrictEqual(yield* toTheEnd(twice(call)), Exit.succeed("answer"))
      assert.strictEqual(at[1], 700)
      assert.isAtMost(at[2]! - at[1]!, 50)
    })
  )

  it.effect("does not wait for what comes after the deadline: it fails at once, and nothing is paid", () =>
    Effect.gen(function* () {
      const budget = RetryBudget.make(RetryBudget.defaults)
      const { at, call } = failing([status(503, 500)])
      const retry = Retry.make({ times: 2, budget, onExhausted: () => assert.fail("it was not the budget") })
      const exit = yield* Effect.exit(Deadline.within("500 millis")(retry(call)))
      assert.deepStrictEqual(exit, Exit.fail(status(503, 500)))
      assert.strictEqual(at.length, 1)
      assert.closeTo(budget.balance(0), 100.2, 1e-9)
    })
  )

  it.effect.prop(
    "no attempt begins at or after the deadline, and the caller never waits until then for an error",
    { seed: Schema.Int, within: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 400 })) },
    ({ seed, within }) =>
      Effect.gen(function* () {
        const retry = Retry.make({ times: 20, budget: RetryBudget.infinite })
        const began = yield* Clock.currentTimeMillis
        const { at, call } = failing(Array.from({ length: 30 }, () => status(503)))
        const fiber = yield* Effect.forkChild(
          Deadline.within(within)(retry(call)).pipe(Effect.exit, Effect.andThen(Clock.currentTimeMillis))
        )
        yield* TestClock.adjust("1 minute")
        assert.isBelow((yield* Fiber.join(fiber)) - began, within)
        for (const instant of at) assert.isBelow(instant - began, within)
      }).pipe(Random.withSeed(seed)),
    { arbitrary: { runs: 100 } }
  )

  it.effect("what the budget does not pay is not tried again, and says so once", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const retry = Retry.make({
        times: 3,
        budget: RetryBudget.make({ share: 0.5, perSecond: 0, window: "10 seconds" }),
        onRetry: () => told.push("retry"),
        onExhausted: () => told.push("exhausted")
      })
      const first = failing([status(503), status(503), status(503)])
      assert.deepStrictEqual(yield* Effect.exit(retry(first.call)), Exit.fail(status(503)))
      assert.deepStrictEqual(told, ["exhausted"])
      assert.strictEqual(first.at.length, 1)
      // The second request makes one whole attempt of two halves.
      const second = failing([status(500), status(502), status(503)])
      assert.deepStrictEqual(yield* toTheEnd(retry(second.call)), Exit.fail(status(502)))
      assert.deepStrictEqual(told, ["exhausted", "retry", "exhausted"])
    })
  )

  it.effect("interrupted while it waits, it makes no other attempt and leaves no timer", () =>
    Effect.gen(function* () {
      const { at, call } = failing([status(503, 1_000)])
      const fiber = yield* Effect.forkChild(twice(call), { startImmediately: true })
      yield* TestClock.adjust(500)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(at.length, 1)
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("retries what it is told to", () =>
    Effect.gen(function* () {
      const { at, call } = failing([new NoThing(), status(503)])
      const retry = Retry.make({
        times: 2,
        budget: RetryBudget.infinite,
        retryable: (error) => error instanceof NoThing
      })
      assert.deepStrictEqual(yield* toTheEnd(retry(call)), Exit.fail(status(503)))
      assert.strictEqual(at.length, 2)
    })
  )
})
