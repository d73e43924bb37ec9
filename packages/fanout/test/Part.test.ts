import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, timed, work } from "./Work.ts"

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
