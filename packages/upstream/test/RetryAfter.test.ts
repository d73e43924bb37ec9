import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import * as RetryAfter from "../src/RetryAfter.ts"

/** Sun, 06 Nov 1994 08:49:37 GMT. */
const date = 784_111_777_000

describe("Retry-After", () => {
  const seconds: ReadonlyArray<readonly [value: string | undefined, millis: number | undefined]> = [
    ["0", 0],
    ["2", 2_000],
    [" 120 ", 120_000],
    ["999999999", 999_999_999_000],
    [undefined, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["1e3", undefined],
    ["2001-05-01", undefined],
    ["soon", undefined],
    ["Soon 12", undefined],
    ["Try 9999", undefined],
    ["9999999999", undefined]
  ]
  it.effect.each(seconds)("%s is %s ms", ([value, millis]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* RetryAfter.parse(value), millis)
    })
  )

  it.effect.each(["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])(
    "as a date is what is left until then: %s",
    (value) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(date - 90_000)
        assert.strictEqual(yield* RetryAfter.parse(value), 90_000)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* RetryAfter.parse(value), 0)
      })
  )
})
