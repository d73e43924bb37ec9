/** What takes the place of an optional part that failed. */
import * as Direct from "@portico/call/Direct"
import { assert, describe, it } from "@effect/vitest"
import * as Provenance from "@portico/call/Provenance"
import { Cause, Context, Effect, Exit, Fiber, Logger, Metric, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as StandIn from "../src/internal/StandIn.ts"
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
  end: Schema.Literals(["fails", "breaks", "fails and breaks", "is interrupted"]),
  stale: Schema.Literals(["there is some", "there is none", "it breaks", "it throws", "none asked for"]),
  isSlow: Schema.Boolean,
  isDirect: Schema.Boolean,
  fallback: Schema.Literals(["makes data up", "breaks", "none"])
})
type Case = typeof Case.Type

const boom = new Boom({ by: "part" })

const ends = {
  fails: Effect.fail(boom),
  breaks: Effect.die(new Error("bug")),
  "fails and breaks": Effect.failCause(
    Cause.fromReasons([Cause.makeDieReason(new Error("bug")), Cause.makeFailReason(boom)])
  ),
  "is interrupted": Effect.interrupt
}

/** What is promised: the outcome, how it was had, and how often something broke. */
const promised = ({ end, fallback, stale }: Case) => {
  const defect = end === "breaks" || end === "is interrupted"
  const error = defect ? new Part.Defect() : boom
  const broken = { status: "failed", error: new Part.Defect() }
  const before = defect ? 1 : 0
  if (stale === "it breaks" || stale === "it throws") return { outcome: broken, had: undefined, logs: before + 1 }
  if (stale === "there is some") {
    return { outcome: { status: "stale", data: "old", ageMillis: 70, error }, had: "stale", logs: before }
  }
  if (fallback === "none") return { outcome: { status: "failed", error }, had: undefined, logs: before }
  if (fallback === "breaks") return { outcome: broken, had: undefined, logs: before + 1 }
  return { outcome: { status: "fallback", data: "made up", error }, had: "fallback", logs: before }
}

const partOf = ({ end, fallback, isDirect, isSlow, stale }: Case) =>
  Part.optional(ends[end], {
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
          const logged: Array<string> = []
          const counting = Logger.layer([
            Logger.make(({ cause, logLevel, message }) => {
              logged.push(`${logLevel} ${String(message)} ${cause.reasons.length > 0 ? "why" : ""}`)
            })
          ])
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
          assert.strictEqual(mark.provenance, had ?? "fetched")
          assert.strictEqual(mark.end, had === undefined ? "failed" : "ok")
          const line = "Error part part broke why"
          assert.deepStrictEqual(
            logged,
            Array.from({ length: promised(each).logs }, () => line)
          )
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

  /** Begins it in the name of the current fiber. */
  const begin = (
    part: Part.Optional<string, Boom, never>,
    asker: Direct.Asker<Part.Outcome<unknown, unknown>, never>
  ) =>
    Effect.contextWith((known: Context.Context<never>) =>
      Effect.withFiber((fiber) => {
        const context = Context.makeUnsafe<unknown>(known.mapUnsafe)
        const trail: Provenance.Trail = { provenance: "fetched" }
        const begun = StandIn.of("part", part, Cause.fail(boom)).begin({ fiber, context, trail }, asker)
        return Effect.succeed({ begun, trail })
      })
    )

  it.effect("looks in the name of the part", () =>
    Effect.gen(function* () {
      const trails: Array<Provenance.Trail | undefined> = []
      const stale = Effect.map(Provenance.CurrentTrail, (trail) => {
        trails.push(trail)
        return old
      })
      const { trail } = yield* begin(Part.optional(Effect.fail(boom), { stale }), { tell: () => {} })
      assert.strictEqual(trails[0], trail)
    })
  )

  it.effect("tells once, even of what tells twice or throws after it has told", () =>
    Effect.gen(function* () {
      for (const isThrown of [true, false]) {
        const told: Array<unknown> = []
        const stale = Direct.make<typeof old>((_caller, asker) => {
          asker.tell(Exit.succeed(Option.some({ value: "older", ageMillis: 90 })))
          if (isThrown) throw new Error("bug after it has told")
          return Direct.tell(asker, looks["there is none"])
        })
        yield* begin(Part.optional(Effect.fail(boom), { stale }), { tell: (exit) => void told.push(exit) })
        assert.deepStrictEqual(told, [Exit.succeed({ status: "stale", data: "older", ageMillis: 90, error: boom })])
      }
    })
  )

  it.effect("tells nobody who has gone, though by what the fallback did", () =>
    Effect.gen(function* () {
      const context = yield* Effect.context()
      for (const fallback of ["made up", new Error("bug")]) {
        const told: Array<unknown> = []
        let end = () => {}
        const part = Part.optional(Effect.fail(boom), {
          stale: Effect.delay(looks["there is none"], "1 second"),
          fallback: () => {
            end()
            if (fallback instanceof Error) throw fallback
            return fallback
          }
        })
        const { begun, trail } = yield* begin(part, { tell: (exit) => void told.push(exit) })
        end = () => void Effect.runForkWith(context)(begun.end())
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual([told, trail.provenance], [[], "fetched"])
      }
    })
  )

  it.effect("is ended with all, whatever it waits for, and waited for", () =>
    Effect.gen(function* () {
      for (const [end, [, of]] of kinds.flatMap((kind) =>
        [ends.fails, ends.breaks].map((end) => [end, kind] as const)
      )) {
        const log: Array<string> = []
        const stale = Effect.never.pipe(
          Effect.onInterrupt(() =>
            Effect.andThen(
              Effect.sleep("1 second"),
              Effect.sync(() => log.push("gone"))
            )
          )
        )
        const fiber = yield* FanOut.degrade(of({ part: Part.optional(end, { stale }) })).pipe(
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
