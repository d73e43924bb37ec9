import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import { EventLoop } from "../src/EventLoop.ts"
import { atRest, floor, LoadShed, wantedTurn } from "../src/LoadShed.ts"
import * as Telemetry from "../src/Telemetry.ts"

/** A limit over an event loop whose turns take as long as the test says, in milliseconds. */
const make = (maxInFlight: number) =>
  Effect.gen(function* () {
    const loop = { turn: 0.2 }
    const context = yield* Layer.build(
      LoadShed.layer({ maxInFlight }).pipe(
        Layer.provide(Layer.succeed(EventLoop, { turn: Effect.sync(() => loop.turn) }))
      )
    )
    const shed = yield* Effect.provide(LoadShed, context)
    return { shed, loop }
  })

/** Enters so many at once, each for as long as `entry` takes. */
const enter = <A, E, R>(shed: LoadShed["Service"], count: number, entry: Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.forkScoped(Effect.exit(shed.admit(entry)), { startImmediately: true }),
    { concurrency: 1 }
  )

/** Two hundred in flight, for whom the limit has grown. */
const crowded = Effect.gen(function* () {
  const made = yield* make(4_096)
  yield* enter(made.shed, 100, Effect.never)
  yield* looks(20)
  yield* enter(made.shed, 100, Effect.never)
  yield* looks(20)
  assert.strictEqual(made.shed.inFlight(), 200)
  return made
})

const looks = (count: number) => TestClock.adjust(count * 25)

describe("LoadShed", () => {
  it.effect("refuses what exceeds the most in flight, at once and without running it, and counts it", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(3)
      yield* enter(shed, 3, Effect.never)
      let ran = false
      const refused = yield* Effect.flip(shed.admit(Effect.sync(() => (ran = true))))
      assert.strictEqual(refused._tag, "Overloaded")
      assert.strictEqual(refused.retryAfterMillis, 1_000)
      assert.isFalse(ran)
      assert.deepStrictEqual([shed.inFlight(), shed.shed()], [3, 1])
      assert.isTrue(shed.refuses())
      assert.strictEqual(shed.shed(), 2)
    })
  )

  it.effect(
    "what it refused, what is in flight and how much may be are among the metrics, for as long as it is there",
    () =>
      Effect.gen(function* () {
        const during = yield* Effect.scoped(
          Effect.gen(function* () {
            const { shed } = yield* make(2)
            yield* enter(shed, 2, Effect.never)
            yield* Effect.flip(shed.admit(Effect.void))
            return yield* Telemetry.own
          })
        )
        const said = during.split("\n").filter((line) => line.startsWith("edge_"))
        assert.sameMembers(said, ["edge_shed_total 1", "edge_in_flight 2", "edge_in_flight_limit 2"])
        assert.notInclude(yield* Telemetry.own, "edge_")
      })
  )

  it.effect("an entry's value, error and interruption pass through, and each makes room again", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(1)
      assert.strictEqual(yield* shed.admit(Effect.succeed(7)), 7)
      assert.strictEqual(yield* Effect.flip(shed.admit(Effect.fail("no" as const))), "no")
      const dead = yield* Effect.exit(shed.admit(Effect.die("broken")))
      assert.isTrue(Exit.hasDies(dead))
      const [waiting] = yield* enter(shed, 1, Effect.never)
      assert.strictEqual(shed.inFlight(), 1)
      yield* Fiber.interrupt(waiting!)
      assert.deepStrictEqual([shed.inFlight(), shed.shed()], [0, 0])
    })
  )

  it.effect("two late turns in a row bring the limit under what was in flight; a single one does not", () =>
    Effect.gen(function* () {
      const { shed, loop } = yield* crowded
      const before = shed.limit()
      loop.turn = 500
      yield* looks(1)
      loop.turn = 0.2
      yield* looks(1)
      assert.strictEqual(shed.limit(), before)
      loop.turn = 2 * wantedTurn
      yield* looks(2)
      assert.strictEqual(shed.limit(), 100)
    })
  )

  it.effect("comes down the further the later the loop, but never under the floor", () =>
    Effect.gen(function* () {
      const { shed, loop } = yield* crowded
      loop.turn = 1.25 * wantedTurn
      yield* looks(2)
      assert.strictEqual(shed.limit(), 160)
      loop.turn = 5_000
      yield* looks(1)
      yield* looks(40)
      assert.strictEqual(shed.limit(), floor)
    })
  )

  it.effect("is back at rest within a second after the worst", () =>
    Effect.gen(function* () {
      const { shed, loop } = yield* make(4_096)
      loop.turn = 5_000
      yield* looks(40)
      assert.strictEqual(shed.limit(), floor)
      loop.turn = 1
      yield* TestClock.adjust("1 second")
      assert.isAtLeast(shed.limit(), atRest * 0.9)
    })
  )

  it.effect("a slow upstream is no overload: 1,000 entries a second that all take 2 s are let in", () =>
    Effect.gen(function* () {
      const { shed, loop } = yield* make(4_096)
      loop.turn = 2
      for (let tick = 0; tick < 160; tick++) {
        yield* enter(shed, 25, Effect.sleep("2 seconds"))
        yield* looks(1)
      }
      assert.strictEqual(shed.shed(), 0)
      assert.isAtLeast(shed.inFlight(), 1_950)
    })
  )

  it.effect("does not grow for entries that do not come, and forgets what it grew for", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(4_096)
      yield* looks(400)
      assert.strictEqual(shed.limit(), atRest)
      const crowd = yield* enter(shed, atRest, Effect.never)
      yield* looks(40)
      assert.isAtLeast(shed.limit(), 2 * atRest)
      yield* Effect.forEach(crowd, Fiber.interrupt, { concurrency: 1 })
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(shed.limit(), atRest)
    })
  )

  it.effect("settles where the loop is just in time, and lets in about what that allows", () =>
    Effect.gen(function* () {
      const { shed, loop } = yield* make(4_096)
      let worst = 0
      for (let tick = 0; tick < 400; tick++) {
        // A loop that 80 entries in flight keep busy, and each one more holds up by a millisecond and a half.
        yield* enter(shed, 60, Effect.sleep("50 millis"))
        loop.turn = Math.max(1, (shed.inFlight() - 80) * 1.5)
        yield* looks(1)
        if (tick > 80) worst = Math.max(worst, loop.turn)
        if (tick > 80) assert.isAtLeast(shed.limit(), 40)
      }
      assert.isAtMost(worst, 2.5 * wantedTurn)
      assert.isAbove(shed.shed(), 0)
    })
  )

  it.effect("unlimited, it counts and refuses nothing", () =>
    Effect.gen(function* () {
      const shed = yield* Effect.provide(LoadShed, yield* Layer.build(LoadShed.layerUnlimited))
      yield* enter(shed, 5_000, Effect.never)
      assert.deepStrictEqual([shed.inFlight(), shed.shed(), shed.limit()], [5_000, 0, Infinity])
    })
  )

  const Step = Schema.Union([
    Schema.TaggedStruct("Enter", { end: Schema.Literals(["finish", "fail", "die", "wait"]) }),
    Schema.TaggedStruct("Leave", { which: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 30 })) }),
    Schema.TaggedStruct("Turn", { millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })) })
  ])

  const ends = {
    finish: Effect.yieldNow,
    fail: Effect.andThen(Effect.yieldNow, Effect.fail("no")),
    die: Effect.andThen(Effect.sleep("10 millis"), Effect.die("broken")),
    wait: Effect.sleep("1 second")
  }

  it.effect.prop(
    "whatever comes, ends, breaks and leaves, and wherever fibers yield: the limit keeps its bounds and nothing stays counted",
    {
      steps: Schema.Array(Step),
      most: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })),
      ops: Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 12 }))
    },
    ({ steps, most, ops }) =>
      Effect.gen(function* () {
        const { shed, loop } = yield* make(most)
        const entered: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const step of steps) {
          if (step._tag === "Enter") {
            const entry = Effect.provideService(shed.admit(ends[step.end]), Scheduler.MaxOpsBeforeYield, ops)
            entered.push(yield* Effect.forkChild(entry, { startImmediately: true }))
          } else if (step._tag === "Leave") {
            entered[step.which]?.interruptUnsafe()
          } else {
            loop.turn = step.millis
            yield* looks(1)
          }
          assert.isAtMost(shed.inFlight(), most)
          assert.isAtMost(shed.limit(), most)
          assert.isAtLeast(shed.limit(), Math.min(floor, most))
        }
        // One that yields so often may come to its sleep after the clock has passed by.
        while (entered.some((fiber) => fiber.pollUnsafe() === undefined)) yield* TestClock.adjust("1 second")
        assert.strictEqual(shed.inFlight(), 0)
      }),
    { arbitrary: { runs: 1000 } }
  )
})

describe("EventLoop", () => {
  it.live("a turn takes as long as what else is done in it", () =>
    Effect.gen(function* () {
      const { turn } = yield* Effect.provide(EventLoop, yield* Layer.build(EventLoop.layer))
      const busy = yield* Effect.forkScoped(
        Effect.forever(
          Effect.andThen(
            Effect.sync(() => {
              for (const begin = performance.now(); performance.now() - begin < 15;);
            }),
            Effect.yieldNow
          )
        )
      )
      yield* Effect.yieldNow
      assert.isAtLeast(yield* turn, 14)
      yield* Fiber.interrupt(busy)
      const quiet = yield* Effect.forEach([1, 2, 3], () => turn, { concurrency: 1 })
      assert.isBelow(Math.min(...quiet), 10)
    })
  )
})
