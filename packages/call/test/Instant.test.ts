import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Instant from "../src/Instant.ts"

describe("an instant", () => {
  it.effect.prop(
    "is 32 bits, and says how long ago it was up to an hour, whenever it is",
    {
      uptime: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000 })),
      millis: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3_600_000 }))
    },
    ({ millis, uptime }) =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        yield* TestClock.adjust(uptime)
        const then = Instant.now(clock)
        assert.strictEqual(then, then | 0)
        yield* TestClock.adjust(millis)
        assert.strictEqual(Instant.millisSince(clock, then), millis)
      })
  )

  it("kept small is the same number", () => {
    for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 1e12, 0.5, Infinity, -Infinity]) {
      assert.strictEqual(Instant.small(value), value)
    }
  })
})
