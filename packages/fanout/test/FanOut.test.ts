import { assert, describe, it } from "@effect/vitest"
import * as Provenance from "@portico/call/Provenance"
import { Data, Effect, Exit, Fiber, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"

class Boom extends Data.TaggedError("Boom")<{ readonly by: string }> {}

/** Works for so many seconds; says when it was interrupted. */
const work = (name: string, seconds: number, interrupted: Array<string> = []) =>
  Effect.sleep(`${seconds} seconds`).pipe(
    Effect.as(name),
    Effect.onInterrupt(() => Effect.sync(() => interrupted.push(name)))
  )

const five = { a: work("a", 1), b: work("b", 2), c: work("c", 3), d: work("d", 4), e: work("e", 5) }
const fiveResults = { a: "a", b: "b", c: "c", d: "d", e: "e" }

/** Runs it and says how long that took, in virtual milliseconds. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.clockWith((clock) =>
        Effect.map(Effect.exit(effect), (exit) => ({ exit, millis: clock.currentTimeMillisUnsafe() }))
      ),
      { startImmediately: true }
    )
    const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    yield* TestClock.adjust("1 hour")
    const { exit, millis } = yield* Fiber.join(fiber)
    return { exit, millis: millis - start }
  })

describe("FanOut", () => {
  describe("five parts of 1 to 5 s", () => {
    it.effect("take 5 s in failFast", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.failFast(five))
        assert.deepStrictEqual(exit, Exit.succeed(fiveResults))
        assert.strictEqual(millis, 5_000)
      })
    )

    it.effect("take 5 s in settle", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.settle(five))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({ a: Part.ok("a"), b: Part.ok("b"), c: Part.ok("c"), d: Part.ok("d"), e: Part.ok("e") })
        )
        assert.strictEqual(millis, 5_000)
      })
    )

    it.effect("take 15 s in serial", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.serial(five))
        assert.deepStrictEqual(exit, Exit.succeed(fiveResults))
        assert.strictEqual(millis, 15_000)
      })
    )
  })

  describe("failFast", () => {
    it.effect("a part that fails at 2 s ends it at 2 s with that error, and the others are interrupted", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const { exit, millis } = yield* timed(
          FanOut.failFast({
            a: work("a", 1, interrupted),
            b: Effect.andThen(work("b", 2), Effect.fail(new Boom({ by: "b" }))),
            c: work("c", 3, interrupted),
            d: work("d", 4, interrupted),
            e: work("e", 5, interrupted)
          })
        )
        assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "b" })))
        assert.strictEqual(millis, 2_000)
        assert.deepStrictEqual(interrupted.toSorted(), ["c", "d", "e"])
      })
    )

    it.effect("interrupting it interrupts every part", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const fiber = yield* Effect.forkChild(
          FanOut.failFast({ a: work("a", 1, interrupted), b: work("b", 2, interrupted) }),
          {
            startImmediately: true
          }
        )
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(interrupted, ["a", "b"])
      })
    )
  })

  describe("settle", () => {
    it.effect("keeps every error, and none cancels another", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(
          FanOut.settle({
            a: Effect.fail(new Boom({ by: "a" })),
            b: Effect.delay(Effect.fail(new Boom({ by: "b" })), "2 seconds"),
            c: work("c", 3)
          })
        )
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            a: { status: "failed" as const, error: new Boom({ by: "a" }) },
            b: { status: "failed" as const, error: new Boom({ by: "b" }) },
            c: Part.ok("c")
          })
        )
        assert.strictEqual(millis, 3_000)
      })
    )

    it.effect("a defect in a part is that part's failure", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(FanOut.settle({ a: Effect.die(new Error("bug")), b: work("b", 1) }))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({ a: { status: "failed" as const, error: new Part.Defect() }, b: Part.ok("b") })
        )
      })
    )
  })

  describe("degrade", () => {
    it.effect("an optional part that fails gives its last good data, else its fallback, else its error", () =>
      Effect.gen(function* () {
        const boom = Effect.fail(new Boom({ by: "x" }))
        const error = new Boom({ by: "x" })
        const { exit } = yield* timed(
          FanOut.degrade({
            needed: Part.required(work("needed", 1)),
            stale: Part.optional(boom, {
              stale: Effect.succeedSome({ value: "old", ageMillis: 70 }),
              fallback: () => "unused"
            }),
            fallback: Part.optional(boom, { stale: Effect.succeedNone, fallback: (e) => `instead of ${e._tag}` }),
            failed: Part.optional(boom),
            left: Part.skipped
          })
        )
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            needed: "needed",
            stale: { status: "stale" as const, data: "old", ageMillis: 70, error },
            fallback: { status: "fallback" as const, data: "instead of Boom", error },
            failed: { status: "failed" as const, error },
            left: Part.skipped
          })
        )
      })
    )

    it.effect("a required part that fails ends it at once and interrupts the optional ones", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const { exit, millis } = yield* timed(
          FanOut.degrade({
            needed: Part.required(Effect.delay(Effect.fail(new Boom({ by: "needed" })), "1 second")),
            optional: Part.optional(work("optional", 5, interrupted), { fallback: () => "unused" })
          })
        )
        assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "needed" })))
        assert.strictEqual(millis, 1_000)
        assert.deepStrictEqual(interrupted, ["optional"])
      })
    )

    it.effect("a defect in an optional part, or in its fallback, is that part's failure", () =>
      Effect.gen(function* () {
        const broken: () => string = () => {
          throw new Error("bug in the fallback")
        }
        const { exit } = yield* timed(
          FanOut.degrade({
            a: Part.optional(Effect.die(new Error("bug"))),
            b: Part.optional(Effect.fail(new Boom({ by: "b" })), { fallback: broken }),
            c: Part.required(work("c", 1))
          })
        )
        const failed = { status: "failed" as const, error: new Part.Defect() }
        assert.deepStrictEqual(exit, Exit.succeed({ a: failed, b: failed, c: "c" }))
      })
    )
  })

  describe("a part followed by steps that need its data", () => {
    const followed = (live: Part.Optional<string, Boom, never> | Part.Required<string, Boom, never>) => ({
      live: Part.followedBy(live, {
        anchor: (room) => Part.optional(Effect.map(work("anchor", 2), (name) => `${name} of ${room}`)),
        gifts: () => Part.optional(Effect.delay(Effect.fail(new Boom({ by: "gifts" })), "1 second"))
      }),
      statistics: Part.optional(work("statistics", 4))
    })
    const noGifts = { status: "failed" as const, error: new Boom({ by: "gifts" }) }

    /** What came of it, how long it took, and the timeline: each mark as name, begin, end and how. */
    const watched = <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.gen(function* () {
        const timeline = yield* Timeline.make
        const ended = yield* timed(Timeline.record(timeline)(effect))
        const marks = timeline.marks.map(({ part, startMillis, endMillis, end, provenance }) => [
          part,
          startMillis,
          endMillis,
          end === "ok" ? provenance : end
        ])
        return { ...ended, marks }
      })

    it.effect("the steps begin together when it has data, while the other parts go on, and are under its name", () =>
      Effect.gen(function* () {
        const { exit, millis, marks } = yield* watched(FanOut.degrade(followed(Part.optional(work("live", 1)))))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            live: { self: Part.ok("live"), steps: { anchor: Part.ok("anchor of live"), gifts: noGifts } },
            statistics: Part.ok("statistics")
          })
        )
        assert.strictEqual(millis, 4_000)
        assert.deepStrictEqual(marks, [
          ["live", 0, 1_000, "fetched"],
          ["statistics", 0, 4_000, "fetched"],
          ["live/anchor", 1_000, 3_000, "fetched"],
          ["live/gifts", 1_000, 2_000, "failed"]
        ])
      })
    )

    it.effect("a required part gives its data, and a step that fails does not end the answer", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(FanOut.degrade(followed(Part.required(work("live", 1)))))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            live: { self: "live", steps: { anchor: Part.ok("anchor of live"), gifts: noGifts } },
            statistics: Part.ok("statistics")
          })
        )
      })
    )

    it.effect("without its data the steps are skipped, and the timeline says so", () =>
      Effect.gen(function* () {
        const boom = new Boom({ by: "live" })
        const { exit, marks } = yield* watched(
          FanOut.degrade(followed(Part.optional(Effect.delay(Effect.fail(boom), "1 second"))))
        )
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            live: {
              self: { status: "failed" as const, error: boom },
              steps: { anchor: Part.skipped, gifts: Part.skipped }
            },
            statistics: Part.ok("statistics")
          })
        )
        assert.deepStrictEqual(marks, [
          ["live", 0, 1_000, "failed"],
          ["statistics", 0, 4_000, "fetched"],
          ["live/anchor", 1_000, 1_000, "skipped"],
          ["live/gifts", 1_000, 1_000, "skipped"]
        ])
      })
    )

    it.effect("last good data and a fallback are data that the steps can go on with", () =>
      Effect.gen(function* () {
        const boom = Effect.fail(new Boom({ by: "live" }))
        const stale = Part.optional(boom, { stale: Effect.succeedSome({ value: "old", ageMillis: 1 }) })
        const fallback = Part.optional(boom, { fallback: () => "none" })
        const anchorOf = (first: Part.Optional<string, Boom, never>) =>
          Effect.map(timed(FanOut.degrade(followed(first))), ({ exit }) =>
            Option.map(Exit.getSuccess(exit), ({ live }) => live.steps.anchor)
          )
        assert.deepStrictEqual(yield* anchorOf(stale), Option.some(Part.ok("anchor of old")))
        assert.deepStrictEqual(yield* anchorOf(fallback), Option.some(Part.ok("anchor of none")))
      })
    )

    it.effect("a required part that fails begins no step and ends the answer", () =>
      Effect.gen(function* () {
        const boom = new Boom({ by: "live" })
        const { exit, millis, marks } = yield* watched(
          FanOut.degrade(followed(Part.required(Effect.delay(Effect.fail(boom), "1 second"))))
        )
        assert.deepStrictEqual(exit, Exit.fail(boom))
        assert.strictEqual(millis, 1_000)
        assert.deepStrictEqual(marks, [
          ["live", 0, 1_000, "failed"],
          ["statistics", 0, 1_000, "interrupted"]
        ])
      })
    )

    it.effect("a step that breaks while it is being made is that step's failure", () =>
      Effect.gen(function* () {
        const broken: () => Part.Optional<string, never, never> = () => {
          throw new Error("bug in the step")
        }
        const { exit, marks } = yield* watched(
          FanOut.degrade({ live: Part.followedBy(Part.optional(work("live", 1)), { broken }) })
        )
        const failed = { status: "failed" as const, error: new Part.Defect() }
        assert.deepStrictEqual(exit, Exit.succeed({ live: { self: Part.ok("live"), steps: { broken: failed } } }))
        assert.deepStrictEqual(marks, [
          ["live", 0, 1_000, "fetched"],
          ["live/broken", 1_000, 1_000, "failed"]
        ])
      })
    )

    it.effect("interrupting the fan-out interrupts the steps", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const parts = {
          live: Part.followedBy(Part.optional(work("live", 1)), {
            anchor: () => Part.optional(work("anchor", 2, interrupted))
          })
        }
        const fiber = yield* Effect.forkChild(FanOut.degrade(parts), { startImmediately: true })
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(interrupted, ["anchor"])
      })
    )
  })

  describe("the data of an outcome", () => {
    it("is there when it is good, stale or a fallback, and nowhere else", () => {
      const error = new Boom({ by: "x" })
      const outcomes: ReadonlyArray<Part.Outcome<string, Boom>> = [
        Part.ok("good"),
        { status: "stale", data: "old", ageMillis: 1, error },
        { status: "fallback", data: "instead", error },
        { status: "failed", error },
        Part.skipped
      ]
      assert.deepStrictEqual(outcomes.map(Part.dataOf), ["good", "old", "instead", undefined, undefined])
    })
  })

  describe("forEach", () => {
    it.effect("five items of 1 to 5 s, two at once: each begins when there is room, its parts under its name", () =>
      Effect.gen(function* () {
        const timeline = yield* Timeline.make
        const { exit, millis } = yield* timed(
          FanOut.forEach(
            ["a", "b", "c", "d", "e"],
            (name) => FanOut.settle({ part: five[name as keyof typeof five] }),
            {
              concurrency: 2,
              name: (name) => name
            }
          ).pipe(Timeline.record(timeline))
        )
        assert.deepStrictEqual(exit, Exit.succeed(["a", "b", "c", "d", "e"].map((name) => ({ part: Part.ok(name) }))))
        assert.strictEqual(millis, 9_000)
        assert.deepStrictEqual(
          timeline.marks.map(({ part, startMillis, endMillis }) => [part, startMillis, endMillis]),
          [
            ["a/part", 0, 1_000],
            ["b/part", 0, 2_000],
            ["c/part", 1_000, 4_000],
            ["d/part", 2_000, 6_000],
            ["e/part", 4_000, 9_000]
          ]
        )
      })
    )

    it.effect("the first fan-out that fails ends it: those under way are interrupted, the others never begin", () =>
      Effect.gen(function* () {
        const begun: Array<number> = []
        const interrupted: Array<string> = []
        const { exit, millis } = yield* timed(
          FanOut.forEach(
            [1, 2, 3, 4],
            (seconds) =>
              FanOut.failFast({
                begin: Effect.sync(() => begun.push(seconds)),
                end:
                  seconds === 1
                    ? Effect.andThen(work("1", 1), Effect.fail(new Boom({ by: "1" })))
                    : work(String(seconds), seconds, interrupted)
              }),
            { concurrency: 3, name: String }
          )
        )
        assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "1" })))
        assert.strictEqual(millis, 1_000)
        assert.deepStrictEqual(
          [begun, interrupted],
          [
            [1, 2, 3],
            ["2", "3"]
          ]
        )
      })
    )
  })

  describe("Timeline", () => {
    it.effect("says when each part began and ended, and how its answer was had", () =>
      Effect.gen(function* () {
        const timeline = yield* Timeline.make
        yield* timed(
          FanOut.degrade({
            live: Part.required(Effect.andThen(work("live", 1), Provenance.note("cached"))),
            equity: Part.optional(Effect.delay(Effect.fail(new Boom({ by: "equity" })), "2 seconds"), {
              fallback: () => 0
            }),
            statistics: Part.optional(Effect.fail(new Boom({ by: "statistics" }))),
            user: Part.skipped
          }).pipe(Timeline.record(timeline))
        )
        assert.deepStrictEqual(timeline.marks, [
          { part: "live", startMillis: 0, endMillis: 1_000, end: "ok", provenance: "cached" },
          { part: "equity", startMillis: 0, endMillis: 2_000, end: "ok", provenance: "fallback" },
          { part: "statistics", startMillis: 0, endMillis: 0, end: "failed", provenance: "fetched" },
          { part: "user", startMillis: 0, endMillis: 0, end: "ok", provenance: "skipped" }
        ])
      })
    )

    it.effect("is what the Server-Timing header has, under names that are tokens", () =>
      Effect.gen(function* () {
        const timeline = yield* Timeline.make
        const fiber = yield* Effect.forkChild(
          FanOut.degrade({
            live: Part.followedBy(Part.optional(work("live", 1)), {
              anchor: () => Part.optional(Effect.andThen(Provenance.note("cached"), work("anchor", 1))),
              gifts: () => Part.optional(Effect.fail(new Boom({ by: "gifts" })))
            }),
            statistics: Part.optional(work("statistics", 9))
          }).pipe(Timeline.record(timeline)),
          { startImmediately: true }
        )
        yield* TestClock.adjust("3 seconds")
        const expected = [
          { name: "live", millis: 1_000, description: "fetched" },
          { name: "statistics", millis: 0, description: "running" },
          { name: "live.anchor", millis: 1_000, description: "cached" },
          { name: "live.gifts", millis: 0, description: "failed" }
        ]
        assert.deepStrictEqual(Timeline.metrics(timeline), expected)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(Timeline.metrics(timeline)[1]?.description, "interrupted")
      })
    )

    it.effect("can be read after a failure: the interrupted parts are marked so", () =>
      Effect.gen(function* () {
        const timeline = yield* Timeline.make
        yield* timed(
          FanOut.failFast({ a: work("a", 9), b: Effect.delay(Effect.fail("no"), "1 second") }).pipe(
            Timeline.record(timeline)
          )
        )
        assert.deepStrictEqual(
          timeline.marks.map((mark) => [mark.part, mark.end, Timeline.duration(mark)]),
          [
            ["a", "interrupted", 1_000],
            ["b", "failed", 1_000]
          ]
        )
      })
    )
  })
})

describe("FanOut over random records of parts", () => {
  const RandomPart = Schema.Struct({
    millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5_000 })),
    end: Schema.Literals(["succeed", "fail", "die"])
  })
  const RandomParts = Schema.Array(RandomPart).check(Schema.isMinLength(1), Schema.isMaxLength(12))

  type RandomParts = typeof RandomParts.Type

  const toEffects = (parts: RandomParts, running: { now: number; most: number }) =>
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
        assert.deepStrictEqual(
          timeline.marks.map(({ part, startMillis, endMillis }) => [part, startMillis, endMillis]),
          expected
        )
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
        const status = (end: "succeed" | "fail" | "die") => (end === "succeed" ? "ok" : "failed")
        const after = (end: "succeed" | "fail" | "die") => (first.end === "succeed" ? status(end) : "skipped")
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
