/** What takes the place of an optional part that failed. */
import * as Direct from "@portico/call/Direct"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Metric, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, kinds } from "./Work.ts"

const old = Option.some({ value: "old", ageMillis: 70 })

/** Ways to look for the last good data, each at once or after a second, and without a fiber or with one. */
const looks = {
  "there is some": Exit.succeed(old),
  "there is none": Exit.succeed<typeof old>(Option.none()),
  "it breaks": Exit.die(new Error("bug in stale"))
}
const throws = Direct.make<typeof old>(() => {
  throw new Error("bug as it is begun")
})
const lookOf = (how: keyof typeof looks | "it throws", isSlow: boolean, isDirect: boolean) => {
  if (how === "it throws") return throws
  if (isSlow) return Effect.delay(looks[how], "1 second")
  return isDirect
    ? Direct.make<typeof old>((_caller, asker) => Direct.tell(asker, looks[how]))
    : Effect.suspend(() => looks[how])
}

const fallbacks = {
  "makes data up": () => "made up",
  breaks: (): string => {
    throw new Error("bug in the fallback")
  }
}

const Case = Schema.Struct({
  defect: Schema.Boolean,
  stale: Schema.Literals(["there is some", "there is none", "it breaks", "it throws", "none asked for"]),
  isSlow: Schema.Boolean,
  isDirect: Schema.Boolean,
  fallback: Schema.Literals(["makes data up", "breaks", "none"])
})
type Case = typeof Case.Type

const boom = new Boom({ by: "part" })

/** What is promised: the outcome, how it was had, and how often something broke. */
const promised = ({ defect, fallback, stale }: Case) => {
  const error = defect ? new Part.Defect() : boom
  const broken = { status: "failed", error: new Part.Defect() }
  const before = defect ? 1 : 0
  if (stale === "it breaks" || stale === "it throws") return { outcome: broken, had: undefined, logged: before + 1 }
  if (stale === "there is some") {
    return { outcome: { status: "stale", data: "old", ageMillis: 70, error }, had: "stale", logged: before }
  }
  if (fallback === "none") return { outcome: { status: "failed", error }, had: undefined, logged: before }
  if (fallback === "breaks") return { outcome: broken, had: undefined, logged: before + 1 }
  return { outcome: { status: "fallback", data: "made up", error }, had: "fallback", logged: before }
}

const partOf = ({ defect, fallback, isDirect, isSlow, stale }: Case) =>
  Part.optional(defect ? Effect.die(new Error("bug")) : Effect.fail(boom), {
    ...(stale === "none asked for" ? {} : { stale: lookOf(stale, isSlow, isDirect) }),
    ...(fallback === "none" ? {} : { fallback: fallbacks[fallback] })
  })

describe("what stands in for a part that failed", () => {
  it.effect.prop(
    "is its last good data, else its fallback, else its error, whatever breaks meanwhile",
    [Case],
    ([each]) =>
      Effect.gen(function* () {
        for (const [, of] of kinds) {
          const timeline = yield* Timeline.make
          let logged = 0
          const counting = Logger.layer([Logger.make(() => void logged++)])
          const fiber = yield* FanOut.degrade(of({ part: partOf(each) })).pipe(
            Timeline.record(timeline),
            Effect.provide(counting),
            Effect.forkChild({ startImmediately: true })
          )
          yield* TestClock.adjust("1 second")
          const { part } = yield* Fiber.join(fiber)
          const { outcome, had } = promised(each)
          assert.deepStrictEqual<unknown>(part, outcome)
          const mark = timeline.marks[0]!
          if (had !== undefined) assert.strictEqual(mark.provenance, had)
          assert.strictEqual(mark.end, had === undefined ? "failed" : "ok")
          assert.strictEqual(logged, promised(each).logged)
        }
      })
  )

  it.effect("takes no fiber where the last good data is at hand", () =>
    Effect.gen(function* () {
      const fails = Direct.make<string, Boom>((_caller, asker) => Direct.tell(asker, Exit.fail(boom)))
      const at = (look: Exit.Exit<typeof old>) => Direct.make<typeof old>((_caller, asker) => Direct.tell(asker, look))
      let fibers = 0
      const counted = Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => void fibers++,
        recordFiberEnd: () => {}
      })
      const { stale, fallback, failed } = yield* counted(
        FanOut.degrade({
          stale: Part.optional(fails, { stale: at(looks["there is some"]) }),
          fallback: Part.optional(fails, { stale: at(looks["there is none"]), fallback: () => "made up" }),
          failed: Part.optional(fails)
        })
      )
      assert.deepStrictEqual([stale.status, fallback.status, failed.status], ["stale", "fallback", "failed"])
      assert.strictEqual(fibers, 0)
      // The count is one of fibers: looking by an Effect takes one.
      yield* counted(
        FanOut.degrade({ part: Part.optional(fails, { stale: Effect.suspend(() => Effect.succeed(old)) }) })
      )
      assert.strictEqual(fibers, 1)
    })
  )

  it.effect("is ended with all, whatever it waits for, and waited for", () =>
    Effect.gen(function* () {
      for (const [, of] of kinds) {
        const log: Array<string> = []
        const stale = Effect.never.pipe(
          Effect.onInterrupt(() =>
            Effect.andThen(
              Effect.sleep("1 second"),
              Effect.sync(() => log.push("gone"))
            )
          )
        )
        const fiber = yield* FanOut.degrade(of({ part: Part.optional(Effect.fail(boom), { stale }) })).pipe(
          Effect.forkChild({ startImmediately: true })
        )
        yield* TestClock.adjust("1 second")
        const leaving = yield* Effect.forkChild(
          Effect.andThen(
            Fiber.interrupt(fiber),
            Effect.sync(() => log.push("left"))
          ),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(log, ["gone", "left"])
      }
    })
  )
})
