import { assert, describe, it } from "@effect/vitest"
import * as Provenance from "@portico/call/Provenance"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, timed, work } from "./Work.ts"

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
