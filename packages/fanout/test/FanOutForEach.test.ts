import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import * as Timeline from "../src/Timeline.ts"
import { Boom, five, spans, timed, work } from "./Work.ts"

describe("FanOut.forEach", () => {
  it.effect("five items of 1 to 5 s, two at once: each begins when there is room, its parts under its name", () =>
    Effect.gen(function* () {
      const timeline = yield* Timeline.make
      const { exit, millis } = yield* timed(
        FanOut.forEach(Object.entries(five), ([, part]) => FanOut.settle({ part }), {
          concurrency: 2,
          name: ([name]) => name
        }).pipe(Timeline.record(timeline))
      )
      assert.deepStrictEqual(exit, Exit.succeed(Object.keys(five).map((name) => ({ part: Part.ok(name) }))))
      assert.strictEqual(millis, 9_000)
      assert.deepStrictEqual(spans(timeline), [
        ["a/part", 0, 1_000],
        ["b/part", 0, 2_000],
        ["c/part", 1_000, 4_000],
        ["d/part", 2_000, 6_000],
        ["e/part", 4_000, 9_000]
      ])
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
