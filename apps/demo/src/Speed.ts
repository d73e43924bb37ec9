/**
 * A clock that runs faster (or slower) than the one it is made from, so that a program of 15 seconds can be watched in a
 * few. What runs under it neither knows nor computes anything: it sleeps and measures in the clock's own seconds.
 */
import { Clock, Duration, Effect } from "effect"

/** Runs `self` with time going `speed` times as fast. */
export const times =
  (speed: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) => Effect.provideService(self, Clock.Clock, faster(clock, speed)))

const faster = (clock: Clock.Clock, speed: number): Clock.Clock => {
  const origin = { nanos: clock.currentTimeNanosUnsafe(), monotonic: clock.monotonicTimeNanosUnsafe() }
  const monotonicNanos = () => {
    const elapsed = Number(clock.monotonicTimeNanosUnsafe() - origin.monotonic)
    return origin.monotonic + BigInt(Math.round(elapsed * speed))
  }
  const nanos = () => origin.nanos + monotonicNanos() - origin.monotonic
  const millis = () => Number(nanos() / 1_000_000n)
  return {
    currentTimeMillisUnsafe: millis,
    currentTimeMillis: Effect.sync(millis),
    currentTimeNanosUnsafe: nanos,
    currentTimeNanos: Effect.sync(nanos),
    monotonicTimeNanosUnsafe: monotonicNanos,
    monotonicTimeNanos: Effect.sync(monotonicNanos),
    sleep: (duration) => clock.sleep(Duration.times(duration, 1 / speed))
  }
}
