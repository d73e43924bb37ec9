import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Alarm from "../src/Alarm.ts"

const setAt = (at: number, ring: () => void) =>
  Effect.withFiber((fiber) => Effect.sync(() => Alarm.set(Alarm.timekeeper(fiber), at, { ring })))

describe("Alarm", () => {
  it.effect("rings every alarm at its instant, in order, and keeps no timer afterwards", () =>
    Effect.gen(function* () {
      const rang: Array<number> = []
      for (const at of [500, 100, 300, 100, 200, 400]) yield* setAt(at, () => rang.push(at))
      yield* TestClock.adjust("99 millis")
      assert.deepStrictEqual(rang, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(rang, [100, 100])
      yield* TestClock.adjust("400 millis")
      assert.deepStrictEqual(rang, [100, 100, 200, 300, 400, 500])
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("a cancelled alarm does not ring", () =>
    Effect.gen(function* () {
      const rang: Array<string> = []
      const first = yield* setAt(100, () => rang.push("first"))
      yield* setAt(200, () => rang.push("second"))
      Alarm.cancel(first)
      Alarm.cancel(first)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(rang, ["second"])
    })
  )

  it.effect("rings at instants between milliseconds and at instants that have passed, and goes on ringing", () =>
    Effect.gen(function* () {
      const rang: Array<string> = []
      yield* TestClock.adjust("10 millis")
      yield* setAt(5, () => rang.push("passed"))
      yield* setAt(10.000_000_4, () => rang.push("a hair later"))
      yield* setAt(33.333_333_333_3, () => rang.push("a third"))
      yield* setAt(40, () => rang.push("whole"))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(rang, ["passed", "a hair later"])
      yield* TestClock.adjust("23 millis")
      assert.deepStrictEqual(rang, ["passed", "a hair later", "a third"])
      yield* TestClock.adjust("6 millis")
      assert.deepStrictEqual(rang, ["passed", "a hair later", "a third", "whole"])
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("an alarm set by a ring does not hide an earlier one", () =>
    Effect.gen(function* () {
      const rang: Array<string> = []
      yield* setAt(200, () => rang.push("earlier"))
      yield* Effect.withFiber((fiber) =>
        Effect.sync(() =>
          Alarm.set(Alarm.timekeeper(fiber), 100, {
            ring: () => void Alarm.set(Alarm.timekeeper(fiber), 900, { ring: () => rang.push("later") })
          })
        )
      )
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(rang, ["earlier"])
      yield* TestClock.adjust("700 millis")
      assert.deepStrictEqual(rang, ["earlier", "later"])
    })
  )

  it.effect.prop(
    "whatever is set and cancelled, exactly the live alarms ring, each at its instant",
    {
      steps: Schema.Array(
        Schema.Struct({ at: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 300 })), cancel: Schema.Boolean })
      )
    },
    ({ steps }) =>
      Effect.gen(function* () {
        const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        const rang: Array<readonly [index: number, at: number]> = []
        const set: Array<Alarm.Alarm> = []
        for (const [index, step] of steps.entries()) {
          set.push(
            yield* Effect.clockWith((clock) =>
              setAt(start + step.at, () => rang.push([index, clock.currentTimeMillisUnsafe() - start]))
            )
          )
        }
        for (const [index, step] of steps.entries()) if (step.cancel) Alarm.cancel(set[index]!)
        yield* TestClock.adjust("1 second")
        const expected = steps.flatMap((step, index) => (step.cancel ? [] : [[index, step.at] as const]))
        assert.deepStrictEqual(
          rang.toSorted((a, b) => a[0] - b[0]),
          expected
        )
        assert.strictEqual(yield* Alarm.pending, 0)
      })
  )

  it.effect.prop(
    "in whatever order alarms are set, cancelled and ring, each rings at its instant unless it was cancelled before",
    {
      steps: Schema.Array(
        Schema.Union([
          Schema.TaggedStruct("set", { after: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })) }),
          Schema.TaggedStruct("cancel", { nth: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })) }),
          Schema.TaggedStruct("pass", { millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })) })
        ])
      )
    },
    ({ steps }) =>
      Effect.gen(function* () {
        const now = Effect.clockWith((clock) => clock.currentTimeMillis)
        const all: Array<{ readonly at: number; rang: number | undefined; cancelled: boolean }> = []
        const alarms: Array<Alarm.Alarm> = []
        for (const step of steps) {
          if (step._tag === "pass") yield* TestClock.adjust(step.millis)
          else if (step._tag === "set") {
            const clock = yield* Effect.clockWith(Effect.succeed)
            const one: (typeof all)[number] = { at: (yield* now) + step.after, rang: undefined, cancelled: false }
            all.push(one)
            const ring = () => {
              assert.isUndefined(one.rang)
              one.rang = clock.currentTimeMillisUnsafe()
            }
            alarms.push(yield* setAt(one.at, ring))
          } else {
            const nth = step.nth % Math.max(1, all.length)
            const one = all[nth]
            const alarm = alarms[nth]
            if (one === undefined || alarm === undefined) continue
            Alarm.cancel(alarm)
            one.cancelled ||= one.rang === undefined
          }
        }
        yield* TestClock.adjust("1 second")
        for (const { at, cancelled, rang } of all) assert.strictEqual(rang, cancelled ? undefined : at)
        assert.strictEqual(yield* Alarm.pending, 0)
      }),
    { arbitrary: { runs: 200, size: 300 } }
  )

  it.effect("race: the effect that is in time wins; the one that is late is interrupted", () =>
    Effect.gen(function* () {
      const interrupted: Array<string> = []
      const work = (name: string, millis: number) =>
        Effect.sleep(millis).pipe(
          Effect.as(name),
          Effect.onInterrupt(() => Effect.sync(() => interrupted.push(name)))
        )
      const both = yield* Effect.forkChild(
        Effect.all(
          [
            Alarm.race(work("quick", 50), 100, Effect.succeed("late")),
            Alarm.race(work("slow", 150), 100, Effect.succeed("late"))
          ],
          {
            concurrency: "unbounded"
          }
        )
      )
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* Fiber.join(both), ["quick", "late"])
      assert.deepStrictEqual(interrupted, ["slow"])
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("race: interrupting the one who waits interrupts the work and leaves no alarm", () =>
    Effect.gen(function* () {
      let interrupted = false
      const fiber = yield* Effect.forkChild(
        Alarm.race(
          Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted = true))),
          100,
          Effect.void
        ),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(fiber)
      assert.isTrue(interrupted)
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("race: a typed error and a defect pass through", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.exit(Alarm.race(Effect.fail("no"), 100, Effect.void)), Exit.fail("no"))
      assert.deepStrictEqual(yield* Effect.exit(Alarm.race(Effect.die("bug"), 100, Effect.void)), Exit.die("bug"))
    })
  )
})
