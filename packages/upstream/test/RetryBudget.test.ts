import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../src/Retry.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import { Status, UpstreamError } from "../src/UpstreamError.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("RetryBudget", () => {
  it("pays one extra attempt for every five requests, and not before the fifth", () => {
    const budget = RetryBudget.make({ share: 0.2, perSecond: 0, window: "10 seconds" })
    for (let request = 0; request < 4; request++) budget.deposit(0)
    assert.isFalse(budget.tryWithdraw(0))
    budget.deposit(0)
    assert.isTrue(budget.tryWithdraw(0))
    assert.isFalse(budget.tryWithdraw(0))
  })

  it("ten deposits of a tenth are one attempt, whatever fractions come to", () => {
    const budget = RetryBudget.make({ share: 0.1, perSecond: 0, window: "10 seconds" })
    for (let request = 0; request < 10; request++) budget.deposit(0)
    assert.isTrue(budget.tryWithdraw(0))
  })

  it("pays the reserve where there are no requests, and again when it was spent a window ago", () => {
    const budget = RetryBudget.make({ share: 0.2, perSecond: 10, window: "10 seconds" })
    for (let attempt = 0; attempt < 100; attempt++) assert.isTrue(budget.tryWithdraw(0))
    assert.isFalse(budget.tryWithdraw(9_999))
    assert.strictEqual(budget.balance(10_000), 100)
    assert.isTrue(budget.tryWithdraw(10_000))
  })

  it("requests of a window ago pay for nothing", () => {
    const budget = RetryBudget.make({ share: 0.2, perSecond: 0, window: "10 seconds" })
    for (let request = 0; request < 50; request++) budget.deposit(0)
    assert.isTrue(budget.tryWithdraw(9_999))
    assert.isFalse(budget.tryWithdraw(10_000))
  })

  it.effect.prop(
    "over any window extra attempts are at most the share of its requests and the reserve, however both come",
    {
      share: between(1, 100),
      perSecond: between(0, 3),
      steps: Schema.Array(Schema.Struct({ passes: between(0, 4_000), requests: between(0, 30), tries: between(0, 30) }))
    },
    ({ share: percent, perSecond, steps }) =>
      Effect.sync(() => {
        const share = percent / 100
        const budget = RetryBudget.make({ share, perSecond, window: "10 seconds" })
        // By seconds, which are the slices that a window of ten is made of.
        const requests: Array<number> = []
        const extra: Array<number> = []
        let now = 0
        for (const step of steps) {
          now += step.passes
          const second = Math.floor(now / 1_000)
          while (requests.length <= second) {
            requests.push(0)
            extra.push(0)
          }
          for (let request = 0; request < step.requests; request++) budget.deposit(now)
          requests[second]! += step.requests
          for (let attempt = 0; attempt < step.tries; attempt++) if (budget.tryWithdraw(now)) extra[second]!++
        }
        const total = (counts: ReadonlyArray<number>, from: number, to: number) =>
          counts.slice(Math.max(0, from), to + 1).reduce((all, count) => all + count, 0)
        for (let to = 0; to < requests.length; to++) {
          const most = share * total(requests, to - 9, to) + perSecond * 10
          if (extra[to]! > 0) assert.isAtMost(total(extra, to - 9, to), most + 1e-6)
          // And over all time, as many reserves as there were windows.
          const reserves = Math.ceil((to + 1) / 10) * perSecond * 10
          assert.isAtMost(total(extra, 0, to), share * total(requests, 0, to) + reserves + 1e-6)
        }
      }),
    { arbitrary: { runs: 300 } }
  )

  /** An upstream that answers nothing but 503, asked so often for half a minute by a policy that would try five times. */
  const storm = (perSecond: number) =>
    Effect.gen(function* () {
      const retry = Retry.make({ times: 4, budget: RetryBudget.make(RetryBudget.defaults) })
      const down = new UpstreamError({ upstream: "thing", reason: new Status({ status: 503 }) })
      let attempts = 0
      const call = retry(
        Effect.suspend(() => {
          attempts++
          return Effect.fail(down)
        })
      )
      const requests = 30 * perSecond
      const asking = yield* Effect.gen(function* () {
        const asked: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let request = 0; request < requests; request++) {
          asked.push(yield* Effect.forkChild(Effect.exit(call), { startImmediately: true }))
          yield* Effect.sleep(1_000 / perSecond)
        }
        yield* Fiber.awaitAll(asked)
      }).pipe(Effect.forkChild)
      yield* TestClock.adjust("40 seconds")
      yield* Fiber.join(asking)
      return { requests, attempts }
    }).pipe(Random.withSeed("storm"))

  for (const perSecond of [300, 1_000]) {
    it.effect(`a storm of ${perSecond} requests a second makes less than 1.25 attempts of each`, () =>
      Effect.gen(function* () {
        const { requests, attempts } = yield* storm(perSecond)
        assert.isBelow(attempts, 1.25 * requests)
        // And it was a storm: the budget was used.
        assert.isAtLeast(attempts, 1.15 * requests)
      })
    )
  }

  for (const perSecond of [1, 20]) {
    it.effect(`where ${perSecond} a second are asked, what the reserve pays comes on top`, () =>
      Effect.gen(function* () {
        const { requests, attempts } = yield* storm(perSecond)
        assert.isAtMost(attempts, Math.min(5 * requests, 1.2 * requests + 4 * 100))
        assert.isAbove(attempts, 1.25 * requests)
      })
    )
  }

  it("the infinite one always pays", () => {
    assert.isTrue(RetryBudget.infinite.tryWithdraw(0))
    assert.strictEqual(RetryBudget.infinite.balance(0), Infinity)
  })
})
