import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Bulkhead from "../src/Bulkhead.ts"
import { Rejected, UpstreamError } from "../src/UpstreamError.ts"

const full = Exit.fail(new UpstreamError({ upstream: "thing", reason: new Rejected({ by: "bulkhead" }) }))

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const make = (permits: number) => Bulkhead.make({ upstream: "thing", permits })

describe("Bulkhead", () => {
  it.effect("one more than fits is refused at once, without being asked", () =>
    Effect.gen(function* () {
      const bulkhead = make(2)
      yield* Effect.forkChild(bulkhead(Effect.never), { startImmediately: true })
      yield* Effect.forkChild(bulkhead(Effect.never), { startImmediately: true })
      assert.strictEqual(bulkhead.inFlight(), 2)
      let asked = false
      assert.deepStrictEqual(yield* Effect.exit(bulkhead(Effect.sync(() => (asked = true)))), full)
      assert.isFalse(asked)
      assert.strictEqual(bulkhead.inFlight(), 2)
    })
  )

  const ends: Record<string, Effect.Effect<string, string>> = {
    "a success": Effect.succeed("answer"),
    "an error": Effect.fail("no"),
    "a defect": Effect.die("bug"),
    "an interruption from within": Effect.interrupt
  }
  for (const [name, end] of Object.entries(ends)) {
    it.effect(`${name} gives the permit back, at once or later`, () =>
      Effect.gen(function* () {
        const bulkhead = make(1)
        for (const call of [end, Effect.andThen(Effect.sleep(10), end)]) {
          const fiber = yield* Effect.forkChild(Effect.exit(bulkhead(call)), { startImmediately: true })
          yield* TestClock.adjust(10)
          yield* Fiber.await(fiber)
          assert.strictEqual(bulkhead.inFlight(), 0)
        }
      })
    )
  }

  it.effect("an interrupted call holds its permit until it has ended", () =>
    Effect.gen(function* () {
      const bulkhead = make(1)
      const call = Effect.onInterrupt(Effect.never, () => Effect.sleep(100))
      const fiber = yield* Effect.forkChild(bulkhead(call))
      yield* TestClock.adjust(1)
      yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust(99)
      assert.deepStrictEqual(yield* Effect.exit(bulkhead(Effect.void)), full)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* Effect.exit(bulkhead(Effect.void)), Exit.void)
    })
  )

  it.effect.prop(
    "never more under way than permits, and all of them free again, wherever calls are interrupted",
    {
      permits: between(1, 5),
      // With less than three steps in one go a fiber would do nothing but yield.
      calls: Schema.Array(
        Schema.Struct({ steps: between(3, 8), turns: between(0, 25), yields: between(0, 5), leaves: Schema.Boolean })
      )
    },
    ({ permits, calls }) =>
      Effect.gen(function* () {
        const bulkhead = make(permits)
        let underWay = 0
        let most = 0
        const call = (yields: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => (most = Math.max(most, ++underWay))),
            () => Effect.replicateEffect(Effect.yieldNow, yields, { discard: true }),
            () => Effect.sync(() => underWay--)
          )
        yield* Effect.forEach(
          calls,
          ({ steps, turns, yields, leaves }) =>
            Effect.gen(function* () {
              const fiber = yield* bulkhead(call(yields)).pipe(
                Effect.provideService(Scheduler.MaxOpsBeforeYield, steps),
                Effect.forkChild
              )
              for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
              yield* leaves ? Fiber.interrupt(fiber) : Fiber.await(fiber)
            }),
          { concurrency: "unbounded", discard: true }
        )
        assert.isAtMost(most, permits)
        assert.strictEqual(underWay, 0)
        assert.strictEqual(bulkhead.inFlight(), 0)
      }),
    { arbitrary: { runs: 300 } }
  )
})
