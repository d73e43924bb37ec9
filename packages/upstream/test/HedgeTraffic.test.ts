import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Clock, Effect, Fiber, Random } from "effect"
import { TestClock } from "effect/testing"
import * as Hedge from "../src/Hedge.ts"
import type { Policy } from "../src/Policy.ts"

/** How long the next answer of a simulated upstream takes, in milliseconds. */
type Latency = (random: Random.Random, now: number) => number

const lognormal = (random: Random.Random, median: number, sigma: number): number => {
  const normal =
    Math.sqrt(-2 * Math.log(1 - random.nextDoubleUnsafe())) * Math.cos(2 * Math.PI * random.nextDoubleUnsafe())
  return median * Math.exp(sigma * normal)
}

/** Mostly some 20 ms, and now and then half a second and more. */
const heavyTailed =
  (slow: number): Latency =>
  (random) =>
    random.nextDoubleUnsafe() < slow ? 500 + 500 * random.nextDoubleUnsafe() : lognormal(random, 20, 0.3)

interface Traffic {
  readonly perSecond: number
  readonly seconds: number
  readonly latency: Latency
}

/** Calls at a steady rate: how long each caller waited, and the instants of every attempt. */
const traffic = (policy: Policy, { perSecond, seconds, latency }: Traffic) =>
  Effect.gen(function* () {
    const waited: Array<number> = []
    const attempts: Array<number> = []
    const random = yield* Random.Random
    const attempt = Effect.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      attempts.push(now)
      return Effect.sleep(Math.round(latency(random, now)))
    })
    const began = yield* Clock.currentTimeMillis
    const call = Effect.gen(function* () {
      const from = yield* Clock.currentTimeMillis
      yield* policy(attempt)
      waited.push((yield* Clock.currentTimeMillis) - from)
    })
    const all = yield* Effect.gen(function* () {
      const calls: Array<Fiber.Fiber<void>> = []
      for (let index = 0; index < perSecond * seconds; index++) {
        calls.push(yield* Effect.forkChild(call, { startImmediately: true }))
        yield* Effect.sleep(1_000 / perSecond)
      }
      yield* Fiber.joinAll(calls)
    }).pipe(Effect.forkChild)
    yield* TestClock.adjust((seconds + 3) * 1_000)
    yield* Fiber.join(all)
    return { began, waited, attempts, calls: perSecond * seconds }
  })

const quantile = (waited: ReadonlyArray<number>, share: number): number =>
  waited.toSorted((a, b) => a - b)[Math.ceil(waited.length * share) - 1] ?? 0

const none: Policy = (call) => call

describe("a hedge in traffic", () => {
  it.effect("takes more than half of the p99 from a heavy tail, for one attempt in twenty more", () =>
    Effect.gen(function* () {
      const load = { perSecond: 100, seconds: 60, latency: heavyTailed(0.05) }
      const plain = yield* traffic(none, load).pipe(Random.withSeed("tail"))
      const hedged = yield* traffic(Hedge.make(Hedge.defaults), load).pipe(Random.withSeed("tail"))
      assert.isAbove(quantile(plain.waited, 0.99), 500)
      assert.isBelow(quantile(hedged.waited, 0.99), quantile(plain.waited, 0.99) / 2)
      assert.isAtMost(hedged.attempts.length, 1.05 * hedged.calls)
    })
  )

  it.effect("where most calls are slow its budget holds the extra load, though it helps little", () =>
    Effect.gen(function* () {
      const load = { perSecond: 100, seconds: 60, latency: heavyTailed(0.3) }
      const { attempts, calls } = yield* traffic(Hedge.make({ ...Hedge.defaults, quantile: 0.5, tail: 1 }), load)
      assert.isAtMost(attempts.length, 1.05 * calls)
      assert.isAtLeast(attempts.length, 1.04 * calls)
    }).pipe(Random.withSeed("slow"))
  )

  it.effect("stops by itself when the upstream becomes slow throughout", () =>
    Effect.gen(function* () {
      const sent: Array<number> = []
      const clock = yield* Effect.clockWith(Effect.succeed)
      const hedge = Hedge.make({
        ...Hedge.defaults,
        onHedge: (what) => what === "sent" && sent.push(clock.currentTimeMillisUnsafe())
      })
      const turns = 60_000
      const { attempts, calls } = yield* traffic(hedge, {
        perSecond: 50,
        seconds: 180,
        latency: (random, now) => (now < turns ? lognormal(random, 20, 0.4) : 500)
      })
      assert.isTrue(sent.some((at) => at < turns))
      assert.deepStrictEqual(
        sent.filter((at) => at >= 120_000),
        []
      )
      assert.isAtMost(attempts.length, 1.05 * calls)
      assert.strictEqual(attempts.length, calls + sent.length)
      assert.strictEqual(yield* Alarm.pending, 0)
    }).pipe(Random.withSeed("turn"))
  )

  it.effect("does nothing where there is no tail", () =>
    Effect.gen(function* () {
      const latency: Latency = (random) => lognormal(random, 100, 0.2)
      const { attempts, calls } = yield* traffic(Hedge.make(Hedge.defaults), { perSecond: 100, seconds: 30, latency })
      assert.strictEqual(attempts.length, calls)
    }).pipe(Random.withSeed("even"))
  )
})
