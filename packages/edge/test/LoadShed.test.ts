/**
 * Lets in what can be served in time, with a loop and a clock that the test turns.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import { Effect, Exit, Fiber, Layer, Scheduler, Schema } from "effect"
import { TestClock } from "effect/testing"
import { EventLoop } from "../src/EventLoop.ts"
import { entriesPerTurn, LoadShed, tooLate, worthwhile } from "../src/LoadShed.ts"
import * as Telemetry from "../src/Telemetry.ts"

/** A line in front of an event loop that comes round when the test says so. */
const make = (maxInFlight: number) =>
  Effect.gen(function* () {
    let waiting: Array<() => void> = []
    const afterTurn = (callback: () => void) => void waiting.push(callback)
    const context = yield* Layer.build(
      LoadShed.layer({ maxInFlight }).pipe(Layer.provide(Layer.succeed(EventLoop, { afterTurn })))
    )
    const shed = yield* Effect.provide(LoadShed, context)
    /** Comes round after so many milliseconds. */
    const turn = (millis: number) =>
      Effect.andThen(
        TestClock.adjust(millis),
        Effect.sync(() => {
          const due = waiting
          waiting = []
          for (const callback of due) callback()
        })
      )
    return { shed, turn, isTurning: () => waiting.length > 0 }
  })

/** Enters so many at once, each for as long as `entry` takes. */
const enter = <A, E, R>(shed: LoadShed["Service"], count: number, entry: Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: count }),
    () => Effect.forkScoped(Effect.exit(shed.admit(entry)), { startImmediately: true }),
    { concurrency: 1 }
  )

/** Those that come, each with what became of it. */
const callers = (shed: LoadShed["Service"], count: number, usefulFor: number) =>
  Array.from({ length: count }, () => {
    const log = { entered: -1, refused: 0 }
    const place = shed.arrive({
      usefulFor: () => usefulFor,
      enter: (millis) => {
        assert.deepStrictEqual(log, { entered: -1, refused: 0 })
        log.entered = millis
      },
      refuse: () => {
        assert.deepStrictEqual(log, { entered: -1, refused: 0 })
        log.refused++
      }
    })
    return { log, place }
  })

describe("LoadShed", () => {
  it.effect("refuses what exceeds the most in flight and in line, at once and without running it, and counts it", () =>
    Effect.gen(function* () {
      const { shed } = yield* make(6)
      yield* enter(shed, 6, Effect.never)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting()], [entriesPerTurn, 6 - entriesPerTurn])
      let ran = false
      const refused = yield* Effect.flip(shed.admit(Effect.sync(() => (ran = true))))
      assert.strictEqual(refused._tag, "Overloaded")
      assert.strictEqual(refused.retryAfterMillis, 1_000)
      assert.isFalse(ran)
      assert.deepStrictEqual([shed.inFlight() + shed.waiting(), shed.shed()], [6, 1])
    })
  )

  it.effect(
    "what it refused, what is in flight, waits and waited, and how much may be, are metrics while it is there",
    () =>
      Effect.gen(function* () {
        const during = yield* Effect.scoped(
          Effect.gen(function* () {
            const { shed, turn } = yield* make(6)
            yield* enter(shed, 5, Effect.never)
            yield* turn(3)
            yield* enter(shed, 1, Effect.never)
            yield* Effect.flip(shed.admit(Effect.void))
            return yield* Telemetry.own
          })
        )
        const lines = during.split("\n")
        for (const said of ["shed_total 1", "in_flight 6", "waiting 0", "in_flight_limit 6", "wait_seconds_count 1"]) {
          assert.include(lines, `edge_${said}`)
        }
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

  it.effect("some begin in a turn, the others in the order in which they came, and nothing turns for nobody", () =>
    Effect.gen(function* () {
      const { shed, turn, isTurning } = yield* make(100)
      const came = callers(shed, 2 * entriesPerTurn + 1, 1_000)
      const inside = () => came.map(({ log }) => log.entered >= 0)
      assert.deepStrictEqual(
        inside(),
        came.map((_, i) => i < entriesPerTurn)
      )
      yield* turn(2)
      assert.deepStrictEqual(
        inside(),
        came.map((_, i) => i < 2 * entriesPerTurn)
      )
      yield* turn(1)
      assert.deepStrictEqual(
        came.map(({ log }) => log.entered),
        [0, 0, 0, 0, 2, 2, 2, 2, 3]
      )
      yield* turn(1)
      assert.isFalse(isTurning())
      assert.strictEqual(shed.shed(), 0)
    })
  )

  it.effect("what was refused long before lets nobody in: it is the refusals of a turn that count", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100)
      const full = callers(shed, 100, 1_000)
      while (shed.waiting() > 0) yield* turn(1)
      yield* turn(1)
      assert.isTrue(callers(shed, 600, 1_000).every(({ log }) => log.refused === 1))
      yield* turn(1)
      yield* turn(1)
      for (const { place } of full) shed.leave(place)
      callers(shed, 100, 1_000)
      yield* turn(1)
      assert.isAtMost(shed.inFlight(), 2 * entriesPerTurn)
    })
  )

  it.effect("who leaves the line is not let in, and keeps nobody waiting", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100)
      const came = callers(shed, 4 * entriesPerTurn, 1_000)
      for (const { place } of came.slice(entriesPerTurn, -1)) shed.leave(place)
      for (const { place } of came.slice(entriesPerTurn, -1)) shed.leave(place)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting()], [entriesPerTurn, 1])
      yield* turn(1)
      assert.strictEqual(came.at(-1)?.log.entered, 1)
      assert.isTrue(came.slice(entriesPerTurn, -1).every(({ log }) => log.entered < 0 && log.refused === 0))
      for (const { place } of came) shed.leave(place)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting(), shed.shed()], [0, 0, 0])
    })
  )

  /** For so many milliseconds, a loop whose turns take as long as what begins in them, `each` milliseconds; for each `came` come. */
  const busy = Effect.fnUntraced(function* (
    { shed, turn }: Effect.Success<ReturnType<typeof make>>,
    millis: number,
    { each, came, usefulFor }: Record<"each" | "came" | "usefulFor", number>
  ) {
    const all: Array<ReturnType<typeof callers>[number]> = []
    let before = shed.inFlight()
    for (let elapsed = 0; elapsed < millis;) {
      const begun = Math.max(1, shed.inFlight() - before)
      before = shed.inFlight()
      all.push(...callers(shed, came * begun, usefulFor))
      yield* turn(each * begun)
      elapsed += each * begun
    }
    return all
  })

  it.effect("three times the load: as many are served as can be, all in time, and the others are told at once", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      const came = yield* busy(made, 4_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      // The line is full from here on.
      const later = came.slice(came.length / 2)
      const served = later.filter(({ log }) => log.entered >= 0)
      const waits = served.map(({ log }) => log.entered)
      assert.isAtMost(Math.max(...waits), worthwhile * 1_000 * 1.02)
      assert.isAtLeast(Math.min(...waits), worthwhile * 1_000 * 0.9)
      const share = (served.length + made.shed.waiting()) / later.length
      assert.isAbove(share, 0.32)
      assert.isBelow(made.shed.waiting() * 0.5, worthwhile * 1_000 * 1.02)
      assert.isTrue(later.every(({ log, place }) => log.refused === 1 || log.entered >= 0 || place.state === "waiting"))
    })
  )

  it.effect("the limit follows what gets done: a loop that is four times slower holds a quarter", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 2_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      const fast = made.shed.waiting()
      assert.approximately(fast, (worthwhile * 1_000) / 0.5, 100)
      yield* busy(made, 4_000, { each: 2, came: 3, usefulFor: 1_000 })
      assert.approximately(made.shed.waiting(), fast / 4, 50)
    })
  )

  it.effect("a thousand who ask again when they are answered are all served, if it takes them half of their time", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100_000)
      callers(shed, 1_000, 1_000)
      for (let round = 0; round < 2_000; round++) {
        yield* turn(entriesPerTurn * 0.5)
        // Those who were let in are answered, and come again.
        callers(shed, entriesPerTurn, 1_000)
      }
      assert.strictEqual(shed.shed(), 0)
      assert.approximately(shed.waiting(), 1_000, 2 * entriesPerTurn)
    })
  )

  it.effect("nine hundred who ask again the moment they are refused, at a bad moment, are soon all served", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100_000)
      let before = 0
      let lastRefusal = 0
      let elapsed = 0
      let again = 900
      // Two seconds in which an entry takes ten times as long as later; a refusal costs a twelfth of one.
      while (elapsed < 10_000) {
        const each = elapsed < 2_000 ? 5 : 0.5
        const [inside, shedBefore] = [shed.inFlight(), shed.shed()]
        callers(shed, again, 1_000)
        const refused = shed.shed() - shedBefore
        if (refused > 0) lastRefusal = elapsed
        const millis = Math.max(0.1, (shed.inFlight() - before) * each + refused * 0.04)
        before = shed.inFlight()
        yield* turn(millis)
        elapsed += millis
        // Those answered and those refused, at once or late, come again.
        again = shed.shed() - shedBefore + (shed.inFlight() - inside)
      }
      assert.isBelow(lastRefusal, 4_000)
      assert.isAtLeast(shed.waiting() + again, 900)
    })
  )

  it.effect("who has less time is refused earlier, and who has any amount of it waits", () =>
    Effect.gen(function* () {
      const made = yield* make(4_096)
      yield* busy(made, 1_000, { each: 1, came: 3, usefulFor: 300 })
      assert.approximately(made.shed.waiting(), worthwhile * 300, 10)
      const [hurried, patient] = [callers(made.shed, 1, 200)[0], callers(made.shed, 1, Infinity)[0]]
      assert.strictEqual(hurried?.log.refused, 1)
      assert.strictEqual(patient?.place.state, "waiting")
    })
  )

  it.effect("when it goes slower than it seemed, who waited too long is refused after all", () =>
    Effect.gen(function* () {
      const made = yield* make(4_096)
      const came = callers(made.shed, 100 * entriesPerTurn, 1_000)
      yield* made.turn(tooLate * 1_000 - 1)
      yield* made.turn(2)
      const { entered, refused } = {
        entered: came.filter(({ log }) => log.entered >= 0).length,
        refused: came.filter(({ log }) => log.refused > 0).length
      }
      assert.deepStrictEqual([entered, refused], [2 * entriesPerTurn, 98 * entriesPerTurn])
      assert.deepStrictEqual([made.shed.waiting(), made.shed.shed()], [0, 98 * entriesPerTurn])
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
      yield* enter(shed, 20, Effect.never)
      const refused = yield* shed.admit(Effect.void).pipe(Deadline.within("10 millis"), Effect.flip)
      assert.strictEqual(refused._tag, "Overloaded")
      assert.strictEqual(shed.waiting(), 20 - entriesPerTurn)
    })
  )

  it.effect("when it closes, nobody is left standing", () =>
    Effect.gen(function* () {
      const [came, shed] = yield* Effect.scoped(
        Effect.map(make(100), ({ shed }) => [callers(shed, 10, 1_000), shed] as const)
      )
      assert.strictEqual(came.filter(({ log }) => log.refused > 0).length, 10 - entriesPerTurn)
      assert.strictEqual(shed.waiting(), 0)
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

describe("EventLoop", () => {
  it.live("calls back once what is ready has had its turn", () =>
    Effect.gen(function* () {
      const { afterTurn } = yield* Effect.provide(EventLoop, yield* Layer.build(EventLoop.layer))
      const order: Array<string> = []
      yield* Effect.callback<void>((resume) => {
        afterTurn(() => {
          order.push("turn")
          afterTurn(() => resume(Effect.sync(() => order.push("next turn"))))
        })
        queueMicrotask(() => order.push("ready"))
        order.push("now")
      })
      assert.deepStrictEqual(order, ["now", "ready", "turn", "next turn"])
    })
  )
})
