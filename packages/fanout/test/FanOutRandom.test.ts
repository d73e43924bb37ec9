/** Whatever the parts are, how long they take and how they end: what each way to combine them promises. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Schema } from "effect"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, kinds, spans, timed } from "./Work.ts"

describe.each(kinds)("FanOut %s, over random records of them", (_name, of) => {
  const End = Schema.Literals(["succeed", "fail", "die"])
  const RandomPart = Schema.Struct({
    millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5_000 })),
    end: End
  })
  const RandomParts = Schema.Array(RandomPart).check(Schema.isMinLength(1), Schema.isMaxLength(12))

  type RandomParts = typeof RandomParts.Type

  const toEffects = (parts: RandomParts, running: { now: number; most: number }) =>
    of(
      Object.fromEntries(
        parts.map(({ millis, end }, index) => [
          `part ${index}`,
          Effect.acquireUseRelease(
            Effect.sync(() => {
              running.now++
              running.most = Math.max(running.most, running.now)
            }),
            () =>
              Effect.delay(
                end === "succeed"
                  ? Effect.succeed(index)
                  : end === "fail"
                    ? Effect.fail(new Boom({ by: `part ${index}` }))
                    : Effect.die("bug"),
                millis
              ),
            () => Effect.sync(() => running.now--)
          )
        ])
      )
    )

  it.effect.prop(
    "settle: every outcome lands under its own key, in the time of the slowest, and nothing runs on",
    { parts: RandomParts },
    ({ parts }) =>
      Effect.gen(function* () {
        const running = { now: 0, most: 0 }
        const { exit, millis } = yield* timed(FanOut.settle(toEffects(parts, running)))
        const expected = parts.map(({ end }, index) => [
          `part ${index}`,
          end === "succeed"
            ? Part.ok(index)
            : { status: "failed", error: end === "fail" ? new Boom({ by: `part ${index}` }) : new Part.Defect() }
        ])
        assert.deepStrictEqual(Exit.getSuccess(exit), Option.some(Object.fromEntries(expected)))
        assert.strictEqual(millis, Math.max(...parts.map((part) => part.millis)))
        assert.strictEqual(running.now, 0)
      })
  )

  it.effect.prop(
    "failFast: all results under their keys, or the earliest failure at its instant, and nothing runs on",
    { parts: RandomParts },
    ({ parts }) =>
      Effect.gen(function* () {
        const running = { now: 0, most: 0 }
        const { exit, millis } = yield* timed(FanOut.failFast(toEffects(parts, running)))
        const bad = parts.map((part, index) => ({ ...part, index })).filter((part) => part.end !== "succeed")
        const earliest = Math.min(...bad.map((part) => part.millis))
        const culprits = bad.filter((part) => part.millis === earliest)
        if (culprits.length === 0) {
          assert.deepStrictEqual(
            Exit.getSuccess(exit),
            Option.some(Object.fromEntries(parts.map((_, index) => [`part ${index}`, index])))
          )
          assert.strictEqual(millis, Math.max(...parts.map((part) => part.millis)))
        } else {
          assert.isTrue(Exit.isFailure(exit))
          assert.strictEqual(millis, earliest)
          const allowed = culprits.map((part) =>
            part.end === "fail" ? Exit.fail(new Boom({ by: `part ${part.index}` })) : Exit.die("bug")
          )
          const [first] = Exit.isFailure(exit) ? exit.cause.reasons : []
          assert.isTrue(allowed.some((one) => Exit.isFailure(one) && one.cause.reasons[0]!._tag === first?._tag))
          if (first?._tag === "Fail") assert.isTrue(culprits.some((part) => first.error.by === `part ${part.index}`))
        }
        assert.strictEqual(running.now, 0)
      })
  )

  it.effect.prop(
    "forEach: every item's result in its place, never more at once than allowed, as a queue with that many servers",
    { parts: RandomParts, concurrency: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 14 })) },
    ({ parts, concurrency }) =>
      Effect.gen(function* () {
        const running = { now: 0, most: 0 }
        const effects = Object.entries(toEffects(parts, running))
        const timeline = yield* Timeline.make
        const { exit } = yield* timed(
          FanOut.forEach(effects, ([, effect]) => FanOut.settle({ only: effect }), {
            concurrency,
            name: ([name]) => name
          }).pipe(Timeline.record(timeline))
        )
        const outcomes = Option.getOrThrow(Exit.getSuccess(exit)).map(({ only }) => only.status)
        assert.deepStrictEqual(
          outcomes,
          parts.map(({ end }) => (end === "succeed" ? "ok" : "failed"))
        )
        assert.isAtMost(running.most, concurrency)
        assert.strictEqual(running.now, 0)
        const free = Array.from({ length: concurrency }, () => 0)
        const expected = parts.map(({ millis }, index) => {
          const start = Math.min(...free)
          free[free.indexOf(start)] = start + millis
          return [`part ${index}/only`, start, start + millis]
        })
        assert.deepStrictEqual(spans(timeline), expected)
      })
  )

  it.effect.prop(
    "a part with steps: begun when it ends, if it ended well, and what they end in is theirs alone",
    { first: RandomPart, steps: RandomParts },
    ({ first, steps }) =>
      Effect.gen(function* () {
        const running = { now: 0, most: 0 }
        const effects = toEffects([first], running)
        const timeline = yield* Timeline.make
        const dependents = Object.fromEntries(
          Object.entries(toEffects(steps, running)).map(([name, effect]) => [name, () => Part.optional(effect)])
        )
        const { exit, millis } = yield* timed(
          FanOut.degrade({ first: Part.followedBy(Part.optional(effects["part 0"]!), dependents) }).pipe(
            Timeline.record(timeline)
          )
        )
        const status = (end: typeof End.Type) => (end === "succeed" ? "ok" : "failed")
        const after = (end: typeof End.Type) => (first.end === "succeed" ? status(end) : "skipped")
        const result = Option.getOrThrow(Exit.getSuccess(exit)).first
        assert.strictEqual(result.self.status, status(first.end))
        assert.deepStrictEqual(
          Object.values(result.steps).map((step) => step.status),
          steps.map(({ end }) => after(end))
        )
        const longest = first.end === "succeed" ? Math.max(...steps.map((step) => step.millis)) : 0
        assert.strictEqual(millis, first.millis + longest)
        for (const mark of timeline.marks.slice(1)) assert.strictEqual(mark.startMillis, first.millis)
        assert.deepStrictEqual(
          timeline.marks.map(({ part }) => part),
          ["first", ...steps.map((_, index) => `first/part ${index}`)]
        )
        assert.strictEqual(running.now, 0)
      })
  )
})
