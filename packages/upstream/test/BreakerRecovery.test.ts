import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Random, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import type * as Breaker from "../src/Breaker.ts"
import { Rejected, Status } from "../src/UpstreamError.ts"
import {
  bad,
  because,
  begin,
  down,
  good,
  halfOpen,
  make,
  NoThing,
  opened,
  refusal,
  stateOf,
  times
} from "./PlayedBreaker.ts"

describe("a half-open breaker", () => {
  it.effect("lets three probe at once, and refuses the others", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const probes = yield* Effect.forEach([1, 2, 3], () => begin(breaker, Effect.delay(good, 100)))
      assert.strictEqual((yield* refusal(breaker))?.by, "circuit breaker")
      yield* TestClock.adjust(100)
      for (const probe of probes) assert.deepStrictEqual(probe.pollUnsafe(), Exit.succeed("answer"))
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  it.effect("closes after three good probes, one at a time too", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      yield* times(2, breaker, good)
      assert.strictEqual(yield* stateOf(breaker), "half-open")
      yield* times(1, breaker, Effect.fail(new NoThing()))
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  it.effect("opens again with one bad probe, whatever the others come to", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      yield* times(2, breaker, good)
      yield* begin(breaker, Effect.delay(good, 100))
      yield* times(1, breaker, bad)
      assert.strictEqual(yield* stateOf(breaker), "open")
      yield* TestClock.adjust(100)
      assert.strictEqual(yield* stateOf(breaker), "open")
    })
  )

  it.effect("a probe that says nothing gives its place to another", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      const probes = yield* Effect.forEach([1, 2, 3], () => begin(breaker, Effect.never))
      assert.isDefined(yield* refusal(breaker))
      yield* Fiber.interruptAll(probes)
      yield* times(3, breaker, Effect.die("bug"))
      yield* times(3, breaker, Effect.fail(because(new Rejected({ by: "bulkhead" }))))
      assert.strictEqual(yield* stateOf(breaker), "half-open")
      yield* times(3, breaker, good)
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  it.effect.each([429, 401, 404])("closes where probes are answered, if only with %i", (status) =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      yield* times(2, breaker, Effect.fail(because(new Status({ status }))))
      assert.strictEqual(yield* stateOf(breaker), "half-open")
      yield* times(1, breaker, Effect.fail(because(new Status({ status }))))
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  it.effect("an error of which `counts` throws is neither good nor bad, and loses no place", () =>
    Effect.gen(function* () {
      const broken = yield* halfOpen({
        counts: (error) => {
          if (error instanceof NoThing) throw new Error("a bug in what counts")
          return true
        }
      })
      yield* times(6, broken, Effect.fail(new NoThing()))
      assert.strictEqual(yield* stateOf(broken), "half-open")
      yield* times(3, broken, good)
      assert.strictEqual(yield* stateOf(broken), "closed")
    })
  )

  it.effect("no place is lost, at whatever step of it a probe is interrupted", () =>
    Effect.gen(function* () {
      const breaker = yield* halfOpen()
      for (let steps = 3; steps <= 8; steps++) {
        for (let turns = 0; turns < 25; turns++) {
          const probes = yield* Effect.forEach([1, 2, 3, 4], () =>
            breaker(Effect.andThen(Effect.yieldNow, Effect.never)).pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, steps),
              Effect.forkChild
            )
          )
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interruptAll(probes)
        }
      }
      const probes = yield* Effect.forEach([1, 2, 3], () => begin(breaker, Effect.delay(good, 100)))
      assert.isDefined(yield* refusal(breaker))
      yield* TestClock.adjust(100)
      for (const probe of probes) assert.deepStrictEqual(probe.pollUnsafe(), Exit.succeed("answer"))
      assert.strictEqual(yield* stateOf(breaker), "closed")
    })
  )

  for (const outage of [5, 60, 300]) {
    it.effect(`in traffic, after ${outage} seconds of outage, serves everybody within two seconds of its end`, () =>
      Effect.gen(function* () {
        const well = outage * 1_000
        const turned: Array<readonly [to: Breaker.State, at: number]> = []
        const clock = yield* Effect.clockWith(Effect.succeed)
        const breaker = make({ onTransition: (to) => turned.push([to, clock.currentTimeMillisUnsafe()]) })
        const failed: Array<number> = []
        const call = Effect.gen(function* () {
          const began = yield* Clock.currentTimeMillis
          const exit = yield* Effect.exit(breaker(Effect.delay(began < well ? bad : good, 100)))
          if (Exit.isFailure(exit)) failed.push(began)
        })
        const asking = yield* Effect.gen(function* () {
          for (let asked = 0; asked < (outage + 60) * 20; asked++) {
            yield* Effect.forkChild(call, { startImmediately: true })
            yield* Effect.sleep(50)
          }
        }).pipe(Effect.forkChild)
        yield* TestClock.adjust((outage + 61) * 1_000)
        yield* Fiber.join(asking)
        const reopens = turned.find(([to, at]) => to === "half-open" && at >= well)?.[1] ?? NaN
        // The last opening is bounded, and after it there are but the probes' own round trips.
        assert.isAtMost(reopens, well + 36_100)
        assert.isTrue(turned.some(([to]) => to === "open"))
        assert.isBelow(failed.at(-1) ?? NaN, reopens + 2_000)
        assert.strictEqual(yield* stateOf(breaker), "closed")
      }).pipe(Random.withSeed("outage"))
    )
  }
})

describe("a breaker held by an operator", () => {
  it.effect("held open refuses all, without a time; let go it decides again", () =>
    Effect.gen(function* () {
      const breaker = make()
      breaker.force("open")
      assert.strictEqual(yield* stateOf(breaker), "open")
      assert.deepStrictEqual(yield* refusal(breaker), new Rejected({ by: "circuit breaker" }))
      breaker.force(undefined)
      assert.deepStrictEqual(yield* Effect.exit(breaker(good)), Exit.succeed("answer"))
    })
  )

  it.effect("held closed lets all pass, however bad they are, though it was open", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      breaker.force("closed")
      const exits = yield* times(50, breaker, bad)
      for (const exit of exits) assert.deepStrictEqual(exit, Exit.fail(down))
      assert.strictEqual(yield* stateOf(breaker), "closed")
      breaker.force(undefined)
      assert.strictEqual(yield* stateOf(breaker), "open")
    })
  )

  it.effect("let go, it is not opened anew by calls that were let through by force", () =>
    Effect.gen(function* () {
      const breaker = yield* opened()
      breaker.force("closed")
      for (let call = 0; call < 30; call++) yield* begin(breaker, Effect.delay(bad, "5 seconds"))
      yield* TestClock.adjust("4 seconds")
      breaker.force(undefined)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* stateOf(breaker), "half-open")
    })
  )
})
