/**
 * Why the policies stand in the order in which they stand: `node packages/upstream/benchmark/Order.ts`.
 *
 * The same load on the same upstream under each of two orders, played on a test's clock with seeded randomness: no sockets, so
 * the same numbers everywhere and at once. Breaker outside the retry against inside it; bulkhead around the attempt against
 * around the call.
 */
import { Clock, Console, Effect, Exit, Random } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import * as Bulkhead from "../src/Bulkhead.ts"
import * as Hedge from "../src/Hedge.ts"
import type { Policy } from "../src/Policy.ts"
import * as Retry from "../src/Retry.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import { Status, UpstreamError } from "../src/UpstreamError.ts"

const upstream = "played"

/** What an upstream does with an attempt, so many milliseconds into the run. */
interface Played {
  readonly badShare: (millis: number) => number
  readonly goodTakes: (random: number) => number
  readonly badTakes: number
  readonly retryAfterMillis?: number
}

interface Load {
  readonly perSecond: number
  readonly seconds: number
}

interface Seen {
  useful: number
  refused: number
  failed: number
  attempts: number
  badAttempts: number
  underWay: number
  mostUnderWay: number
  /** How many attempts were under way at each refusal, summed. */
  underWayAtRefusals: number
}

const nothing = (): Seen => ({
  useful: 0,
  refused: 0,
  failed: 0,
  attempts: 0,
  badAttempts: 0,
  underWay: 0,
  mostUnderWay: 0,
  underWayAtRefusals: 0
})

const attemptAt = ({ badShare, goodTakes, badTakes, retryAfterMillis }: Played, seen: Seen) => {
  const down = new UpstreamError({
    upstream,
    reason: new Status({ status: 503, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) })
  })
  return Effect.gen(function* () {
    seen.attempts++
    seen.mostUnderWay = Math.max(seen.mostUnderWay, ++seen.underWay)
    const bad = (yield* Random.next) < badShare(yield* Clock.currentTimeMillis)
    if (bad) seen.badAttempts++
    yield* Effect.sleep(bad ? badTakes : goodTakes(yield* Random.next))
    if (bad) return yield* down
  }).pipe(Effect.onExit(() => Effect.sync(() => seen.underWay--)))
}

/** Sends the load through the policy, and says what came of it. */
const play = (load: Load, played: Played, stack: Policy<UpstreamError>, seed = 1) =>
  Effect.gen(function* () {
    const seen = nothing()
    const call = stack(attemptAt(played, seen))
    const counted = Effect.gen(function* () {
      const exit = yield* Effect.exit(call)
      if (Exit.isSuccess(exit)) seen.useful++
      else if (isRefusal(exit)) {
        seen.refused++
        seen.underWayAtRefusals += seen.underWay
      } else seen.failed++
    })
    for (let nth = 0; nth < load.perSecond * load.seconds; nth++) {
      yield* Effect.forkChild(counted, { startImmediately: true })
      yield* TestClock.adjust(1000 / load.perSecond)
    }
    yield* TestClock.adjust("10 seconds")
    return seen
  }).pipe(Effect.provide(TestClock.layer()), Random.withSeed(`order ${seed}`))

const isRefusal = (exit: Exit.Exit<void, UpstreamError>): boolean =>
  Exit.isFailure(exit) &&
  exit.cause.reasons.some((reason) => reason._tag === "Fail" && reason.error.reason._tag === "Rejected")

const row = (cells: ReadonlyArray<string | number>) => cells.map((cell) => String(cell).padStart(12)).join("")

const breakerAndRetry = Effect.gen(function* () {
  yield* Console.log(`
Breaker outside the retry, or inside it. 100 calls/s for 30 s, answered in 20 ms; from 5 s to 25 s a share of the attempts
is answered 503. One retry, its budget and the breaker as they are by default. The mean of ${seeds.length} runs.
`)
  yield* Console.log(row(["bad share", "breaker", "useful", "failed", "refused", "attempts", "of them bad"]))
  for (const share of [0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 1]) {
    for (const order of ["outside", "inside"]) {
      const runs = yield* Effect.forEach(seeds, (seed) => outage(share, order, seed), { concurrency: 1 })
      const mean = (of: (seen: Seen) => number) =>
        Math.round(runs.reduce((sum, seen) => sum + of(seen), 0) / runs.length)
      yield* Console.log(
        row([
          share,
          order,
          mean(({ useful }) => useful),
          mean(({ failed }) => failed),
          mean(({ refused }) => refused),
          mean(({ attempts }) => attempts),
          mean(({ badAttempts }) => badAttempts)
        ])
      )
    }
  }
})

// How long a circuit stays open is drawn by lot, and one draw decides much: hence the mean of several.
const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

const outage = (share: number, order: string, seed: number) =>
  Effect.suspend(() => {
    const retry = Retry.make({ times: 1, budget: RetryBudget.make(RetryBudget.defaults) })
    const breaker = Breaker.make({ ...Breaker.defaults, upstream })
    return play(
      { perSecond: 100, seconds: 30 },
      { badShare: (at) => (at < 5_000 || at >= 25_000 ? 0 : share), goodTakes: () => 20, badTakes: 20 },
      order === "outside" ? (call) => breaker(retry(call)) : (call) => retry(breaker(call)),
      seed
    )
  })

const bulkheadAndBackOff = Effect.gen(function* () {
  yield* Console.log(`
Bulkhead of 20 around the attempt, or around the call. 100 calls/s for 20 s, answered in 50 ms; a share of the attempts is
answered 503 at once, with "Retry-After: 1". One retry, paid without limit.
`)
  yield* Console.log(row(["bad share", "bulkhead", "useful", "failed", "refused", "under way", "at refusal"]))
  for (const share of [0.1, 0.2, 0.3, 0.5]) {
    for (const order of ["attempt", "call"]) {
      const retry = Retry.make({ times: 1, budget: RetryBudget.infinite })
      const bulkhead = Bulkhead.make({ upstream, permits: 20 })
      const seen = yield* play(
        { perSecond: 100, seconds: 20 },
        { badShare: () => share, goodTakes: () => 50, badTakes: 1, retryAfterMillis: 1_000 },
        order === "attempt" ? (call) => retry(bulkhead(call)) : (call) => bulkhead(retry(call))
      )
      const atRefusal = seen.refused === 0 ? "-" : (seen.underWayAtRefusals / seen.refused).toFixed(1)
      yield* Console.log(
        row([share, order, seen.useful, seen.failed, seen.refused, `${seen.mostUnderWay} at most`, atRefusal])
      )
    }
  }
})

const bulkheadAndHedge = Effect.gen(function* () {
  yield* Console.log(`
The same bulkhead where calls are hedged after 30 ms. 250 calls/s for 10 s, of which a share is answered in 200 ms rather
than in 20 ms. Attempts under way: what the bulkhead is there to bound.
`)
  yield* Console.log(row(["slow share", "bulkhead", "useful", "refused", "attempts", "under way"]))
  const options: Hedge.Options = { ...Hedge.defaults, floor: "30 millis", extra: 1, quantile: 0, atLeast: 0, tail: 0 }
  for (const share of [0.1, 0.2, 0.3]) {
    for (const order of ["attempt", "call"]) {
      const hedge = Hedge.make(options)
      const bulkhead = Bulkhead.make({ upstream, permits: 20 })
      const seen = yield* play(
        { perSecond: 250, seconds: 10 },
        { badShare: () => 0, goodTakes: (random) => (random < share ? 200 : 20), badTakes: 1 },
        order === "attempt" ? (call) => hedge(bulkhead(call)) : (call) => bulkhead(hedge(call))
      )
      yield* Console.log(row([share, order, seen.useful, seen.refused, seen.attempts, `${seen.mostUnderWay} at most`]))
    }
  }
})

await Effect.runPromise(Effect.all([breakerAndRetry, bulkheadAndBackOff, bulkheadAndHedge], { concurrency: 1 }))
