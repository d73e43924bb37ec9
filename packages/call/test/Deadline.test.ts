import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Deadline from "../src/Deadline.ts"

describe("Deadline", () => {
  it.effect("inner code can only bring it nearer", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Deadline.remaining, Infinity)
      assert.strictEqual(
        yield* Deadline.remaining.pipe(Deadline.within("2 seconds"), Deadline.within("1 second")),
        1000
      )
      assert.strictEqual(
        yield* Deadline.remaining.pipe(Deadline.within("1 second"), Deadline.within("2 seconds")),
        1000
      )
    })
  )

  it.effect("what is left falls with the clock and stops at nothing", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("5 seconds")
      const left = Deadline.remaining.pipe(Deadline.until(5_500))
      assert.strictEqual(yield* left, 500)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* left, 0)
    })
  )

  it.effect("enforce ends the wait at the deadline and interrupts the work", () =>
    Effect.gen(function* () {
      let interrupted = false
      const work = Effect.onInterrupt(Effect.never, () => Effect.sync(() => (interrupted = true)))
      const fiber = yield* Effect.forkChild(Effect.flip(Deadline.enforce(work).pipe(Deadline.within("300 millis"))))
      yield* TestClock.adjust("299 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "DeadlineExceeded")
      assert.isTrue(interrupted)
    })
  )

  it.effect("enforce does not begin work whose deadline has passed", () =>
    Effect.gen(function* () {
      let began = false
      yield* TestClock.adjust("1 second")
      const work = Deadline.enforce(Effect.sync(() => (began = true))).pipe(Deadline.until(1_000))
      assert.strictEqual((yield* Effect.flip(work))._tag, "DeadlineExceeded")
      assert.isFalse(began)
    })
  )

  it("reads and writes whole milliseconds on the wire", () => {
    assert.strictEqual(Deadline.toHeader(799.9), "799")
    assert.strictEqual(Deadline.toHeader(-3), "0")
    assert.strictEqual(Deadline.fromHeader("250"), 250)
    for (const nonsense of [undefined, "", "-1", "1.5", "1e3", "soon", "9".repeat(16)]) {
      assert.isUndefined(Deadline.fromHeader(nonsense), String(nonsense))
    }
  })

  it("keeps back a tenth, at least 5 ms", () => {
    assert.strictEqual(Deadline.reserve(1_000), 100)
    assert.strictEqual(Deadline.reserve(20), 5)
  })

  it("grants the parts of an answer the lesser of the budget and the caller's, without the reserve", () => {
    assert.strictEqual(Deadline.forParts(1000, undefined), 900)
    assert.strictEqual(Deadline.forParts(1000, "500"), 450)
    assert.strictEqual(Deadline.forParts(1000, "5000"), 900)
    assert.strictEqual(Deadline.forParts(1000, "soon"), 900)
    assert.strictEqual(Deadline.forParts(1000, "20"), 15)
    assert.strictEqual(Deadline.forParts(1000, "0"), 0)
  })
})
