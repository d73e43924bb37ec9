/** Running effects on the test's clock: begun at once, to an end and how long that took, and that nothing is left of them. */
import { assert } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Clock, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"

/** Begins it at once. */
export const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** What a call comes to, and how long that took. */
export const lived = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const fiber = yield* Effect.forkChild(
      Effect.flatMap(Effect.exit(self), (exit) => Effect.map(Clock.currentTimeMillis, (now) => ({ exit, now })))
    )
    yield* TestClock.adjust("1 second")
    const { exit, now } = yield* Fiber.join(fiber)
    return { exit, millis: now - began }
  })

/** Nothing that goes on, and no alarm. */
export const nothingLeft = (size: () => number) =>
  Effect.gen(function* () {
    assert.strictEqual(size(), 0)
    assert.strictEqual(yield* Alarm.pending, 0)
  })
