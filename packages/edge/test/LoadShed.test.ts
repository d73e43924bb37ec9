/** Effects that are let in, or not, with a loop and a clock that the test turns. */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import { Effect, Exit, Fiber, Layer, Scheduler, Schema } from "effect"
import { entriesPerTurn, LoadShed } from "../src/LoadShed.ts"
import * as Telemetry from "../src/Telemetry.ts"
import { make } from "./fixture.ts"

/** Enters so many at once, each for as long as `entry` takes. */
const enter = <A, E, R>(shed: LoadShed["Service"], count: number, entry: Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.forkScoped(Effect.exit(shed.admit(entry)), { startImmediately: true }),
    { concurrency: 1 }
  )

describe("LoadShed", () => {
  it.effect("refuses what exceeds the most in flight and in line, at once and without running it, and counts it", () =>
    Effect.gen(function* () {
      const most = entriesPerTurn + 2
      const { shed } = yield* make(most)
      yield* enter(shed, most, Effect.never)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting()], [entriesPerTurn, 2])
      let ran = false
      const refused = yield* Effect.flip(shed.admit(Effect.sync(() => (ran = true))))
      assert.strictEqual(refused._tag, "Overloaded")
      assert.strictEqual(refused.retryAfterMillis, 1_000)
      assert.isFalse(ran)
      assert.deepStrictEqual([shed.inFlight() + shed.waiting(), shed.shed()], [most, 1])
    })
  )

  it.live("who asks again the moment it is refused does not keep the loop from coming round", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(1)
      yield* enter(shed, 1, Effect.never)
      const loop = { hasComeRound: false }
      setImmediate(() => (loop.hasComeRound = true))
      while (!loop.hasComeRound && shed.shed() < 100) yield* Effect.ignore(shed.admit(Effect.void))
      assert.isBelow(shed.shed(), 10)
    })
  )

  it.effect(
    "what it refused, what is in flight, waits and waited, and how much may be, are metrics while it is there",
    () =>
      Effect.gen(function* () {
        const most = entriesPerTurn + 2
        const during = yield* Effect.scoped(
          Effect.gen(function* () {
            const { shed, turn } = yield* make(most)
            yield* enter(shed, entriesPerTurn + 1, Effect.never)
            yield* turn(3)
            yield* enter(shed, 1, Effect.never)
            yield* Effect.flip(shed.admit(Effect.void))
            return yield* Telemetry.own
          })
        )
        const lines = during.split("\n")
        for (const said of ["shed_total 1", `in_flight ${most}`, "waiting 0", `in_flight_limit ${most}`]) {
          assert.include(lines, `edge_${said}`)
        }
        assert.include(lines, "edge_wait_seconds_count 1")
        assert.include(lines, 'edge_wait_seconds_bucket{le="0.004"} 1')
        assert.include(lines, 'edge_wait_seconds_bucket{le="0.002"} 0')
        assert.notMatch(yield* Telemetry.own, /edge_(shed|in_flight|waiting)/)
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

  it.effect(
    "a slow upstream is no overload: 1,000 entries a second that all take 2 s are let in, and none of them waits long",
    () =>
      Effect.gen(function* () {
        const { shed, turn } = yield* make(4_096)
        for (let tick = 0; tick < 1_000; tick++) {
          yield* enter(shed, 4, Effect.sleep("2 seconds"))
          yield* turn(4)
        }
        assert.deepStrictEqual([shed.shed(), shed.waiting()], [0, 0])
        assert.isAtLeast(shed.inFlight(), 1_990)
      })
  )

  it.effect("admits by the current deadline", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(4_096)
      const inLine = 4 * entriesPerTurn
      yield* enter(shed, entriesPerTurn + inLine, Effect.never)
      const refused = yield* shed.admit(Effect.void).pipe(Deadline.within("10 millis"), Effect.flip)
      assert.strictEqual(refused._tag, "Overloaded")
      assert.strictEqual(shed.waiting(), inLine)
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
    "whatever comes, ends, breaks and leaves, and wherever fibers yield: nobody is forgotten and nothing stays counted",
    {
      steps: Schema.Array(Step),
      most: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })),
      ops: Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 12 }))
    },
    ({ steps, most, ops }) =>
      Effect.gen(function* () {
        const { shed, turn, isTurning } = yield* make(most)
        const entered: Array<Fiber.Fiber<unknown, unknown>> = []
        for (const step of steps) {
          if (step._tag === "Enter") {
            const admitted = Deadline.within("300 millis")(shed.admit(ends[step.end]))
            const entry = Effect.provideService(admitted, Scheduler.MaxOpsBeforeYield, ops)
            entered.push(yield* Effect.forkChild(entry, { startImmediately: true }))
          } else if (step._tag === "Leave") {
            entered[step.which]?.interruptUnsafe()
          } else {
            yield* turn(step.millis)
          }
          assert.isAtMost(shed.inFlight() + shed.waiting(), most)
          assert.isAtMost(shed.limit(), most)
          assert.isTrue(shed.waiting() === 0 || isTurning())
        }
        // One that yields so often may come to its sleep after the clock has passed by.
        while (entered.some((fiber) => fiber.pollUnsafe() === undefined)) yield* turn(1_000)
        assert.deepStrictEqual([shed.inFlight(), shed.waiting()], [0, 0])
      }),
    { arbitrary: { runs: 1000 } }
  )
})
