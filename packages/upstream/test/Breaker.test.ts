import { assert, describe, it } from "@effect/vitest"
import { Clock, Data, Effect, Exit, Fiber, Random, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import { Payload, type Reason, Rejected, Status, Timeout, Unreachable, UpstreamError } from "../src/UpstreamError.ts"

class NoThing extends Data.TaggedError("NoThing")<{}> {}

const because = (reason: Reason) => new UpstreamError({ upstream: "thing", reason })

const good = Effect.succeed("answer")
const down = because(new Status({ status: 503 }))
const bad = Effect.fail(down)

const make = (options: Partial<Breaker.Options> = {}) =>
  Breaker.make({ ...Breaker.defaults, upstream: "thing", ...options })

const stateOf = (breaker: Breaker.Breaker) => Effect.map(Clock.currentTimeMillis, breaker.state)

const times = (count: number, breaker: Breaker.Breaker, call: Effect.Effect<string, unknown>) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.exit(breaker(call)))

/** For how long a breaker says that it refuses; undefined where it does not. */
const refusal = (breaker: Breaker.Breaker) =>
  Effect.map(Effect.result(breaker(Effect.void)), (result) =>
    result._tag === "Failure" && result.failure.reason._tag === "Rejected" ? result.failure.reason : undefined
  )

const opened = (options: Partial<Breaker.Options> = {}) =>
  Effect.gen(function* () {
    const breaker = make(options)
    yield* times(20, breaker, bad)
    assert.strictEqual(yield* stateOf(breaker), "open")
    return breaker
  })

/** A breaker whose first opening, of 1.2 seconds at most, is over. */
const halfOpen = (options: Partial<Breaker.Options> = {}) =>
  Effect.tap(opened(options), () => TestClock.adjust("1200 millis"))

/** Begins a call and lets it wait. */
const begin = <E>(breaker: Breaker.Breaker, call: Effect.Effect<string, E>) =>
  Effect.forkChild(breaker(call), { startImmediately: true })

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
