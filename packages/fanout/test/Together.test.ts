/** Calls that need no fiber: that nobody can tell them from parts that have one. */
import * as Direct from "@portico/call/Direct"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, kinds, work } from "./Work.ts"

const RandomPart = Schema.Struct({
  millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 500 })),
  end: Schema.Literals(["succeed", "fail", "die", "slow to leave"]),
  required: Schema.Boolean
})
const RandomParts = Schema.Array(RandomPart).check(Schema.isMinLength(1), Schema.isMaxLength(8))

describe("calls that need no fiber", () => {
  it.effect.prop(
    "end, are interrupted and are marked as parts with fibers are",
    { parts: RandomParts, leaves: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 700 })) },
    ({ parts, leaves }) =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        for (const [, of] of kinds) {
          const log: Array<string> = []
          const timeline = yield* Timeline.make
          const gate = yield* Deferred.make<void>()
          const clock = yield* Effect.clockWith(Effect.succeed)
          const began = clock.currentTimeMillisUnsafe()
          const all = Object.fromEntries(
            parts.map(({ millis, end, required }, index) => {
              const body = {
                succeed: Effect.succeed(index),
                fail: Effect.fail(new Boom({ by: String(index) })),
                die: Effect.die("bug"),
                "slow to leave": Effect.never
              }[end]
              // No two at one instant, where any order is right.
              const effect = Effect.delay(body, millis * 8 + index).pipe(
                Effect.onInterrupt(() =>
                  Effect.andThen(
                    end === "slow to leave" ? Deferred.await(gate) : Effect.void,
                    Effect.sync(() => log.push(`${index} left`))
                  )
                )
              )
              return [`part ${index}`, required ? Part.required(effect) : Part.optional(effect)]
            })
          )
          const fiber = yield* Effect.forkChild(FanOut.degrade(of(all)).pipe(Timeline.record(timeline)), {
            startImmediately: true
          })
          yield* TestClock.adjust(leaves * 8 + 7)
          const leaving = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
          yield* TestClock.adjust("1 second")
          const waits = leaving.pollUnsafe() === undefined
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(leaving)
          const exit = yield* Fiber.await(fiber)
          assert.isTrue(timeline.marks.every(({ end }) => end !== undefined))
          seen.push({
            // To whoever was interrupted a typed error that was on its way says nothing; a defect is told all the same.
            exit: Exit.isSuccess(exit)
              ? exit.value
              : exit.cause.reasons.map(({ _tag }) => _tag).filter((tag, _, all) => tag !== "Fail" || all.length === 1),
            marks: timeline.marks.map(({ part, end, provenance, startMillis, endMillis }) => [
              part,
              end,
              provenance,
              startMillis,
              endMillis
            ]),
            log: log.toSorted(),
            waits,
            took: clock.currentTimeMillisUnsafe() - began
          })
        }
        assert.deepStrictEqual(seen[1], seen[0])
      })
  )

  it.effect("one that throws as it is begun has broken, and the others end as ever", () =>
    Effect.gen(function* () {
      const interrupted: Array<string> = []
      const broken = Direct.make<string>(() => {
        throw new Error("bug in a call")
      })
      const other = Direct.make<string>((caller, asker) => Direct.begin(work("other", 1, interrupted), caller, asker))
      const settled = yield* Effect.forkChild(FanOut.settle({ broken, other }), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(settled), {
        broken: { status: "failed" as const, error: new Part.Defect() },
        other: Part.ok("other")
      })
      const exit = yield* Effect.exit(FanOut.failFast({ other, broken }))
      assert.isTrue(Exit.hasDies(exit))
      assert.deepStrictEqual(interrupted, ["other"])
    })
  )

  it.effect("what stands in for one that failed at once is interrupted with all", () =>
    Effect.gen(function* () {
      const interrupted: Array<string> = []
      const fails = Direct.make<string, Boom>((_caller, asker) => {
        return Direct.tell(asker, Exit.fail(new Boom({ by: "fails" })))
      })
      const stale = Effect.map(work("stale", 1, interrupted), () => Option.some({ value: "old", ageMillis: 1 }))
      const fiber = yield* Effect.forkChild(FanOut.degrade({ a: Part.optional(fails, { stale }) }), {
        startImmediately: true
      })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(interrupted, ["stale"])
    })
  )

  it.effect("what one tells that has been ended changes nothing", () =>
    Effect.gen(function* () {
      const timeline = yield* Timeline.make
      let late = () => {}
      const stubborn = Direct.make<string>((_caller, asker) => {
        late = () => asker.tell(Exit.succeed("late"))
        return Direct.ended
      })
      const failing = Direct.make<never, Boom>((caller, asker) =>
        Direct.begin(Effect.delay(Effect.fail(new Boom({ by: "failing" })), "1 second"), caller, asker)
      )
      const fiber = yield* FanOut.failFast({ stubborn, failing }).pipe(
        Timeline.record(timeline),
        Effect.exit,
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      yield* TestClock.adjust("1 second")
      late()
      const [mark] = timeline.marks
      assert.deepStrictEqual([mark?.part, mark?.end, mark?.endMillis], ["stubborn", "interrupted", 1_000])
    })
  )

  it.effect("those after one that fails at once are not begun", () =>
    Effect.gen(function* () {
      let begun = 0
      const fails = Direct.make<never, Boom>((_caller, asker) => {
        return Direct.tell(asker, Exit.fail(new Boom({ by: "fails" })))
      })
      const counted = Direct.make<number>((_caller, asker) => {
        return Direct.tell(asker, Exit.succeed(++begun))
      })
      const exit = yield* Effect.exit(FanOut.failFast({ fails, counted }))
      assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "fails" })))
      assert.strictEqual(begun, 0)
    })
  )

  it.effect(
    "begin with those that take longest as a rule, then as they are given; the answer is in the order given",
    () =>
      Effect.gen(function* () {
        const begun: Array<string> = []
        const call = (name: string, usualMillis: number) =>
          Direct.make<string>(
            (_caller, asker) => {
              begun.push(name)
              return Direct.tell(asker, Exit.succeed(name))
            },
            () => usualMillis
          )
        const timeline = yield* Timeline.make
        const parts = {
          quick: call("quick", 1),
          new: call("new", 0),
          left: Part.skipped,
          slow: call("slow", 50),
          same: call("same", 1)
        }
        const answer = yield* FanOut.failFast(parts).pipe(Timeline.record(timeline))
        assert.deepStrictEqual(begun, ["slow", "quick", "same", "new"])
        assert.deepStrictEqual(Object.keys(answer), ["quick", "new", "left", "slow", "same"])
        assert.deepStrictEqual(
          timeline.marks.map(({ part }) => part),
          ["slow", "quick", "same", "new", "left"]
        )
        begun.length = 0
        yield* FanOut.serial(parts)
        assert.deepStrictEqual(begun, ["quick", "new", "slow", "same"])
      })
  )

  it.effect("none at all are an empty answer", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* FanOut.failFast({}), {})
    })
  )
})
