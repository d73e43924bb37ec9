/**
 * Instants as what is under way keeps them: in 32 bits.
 *
 * Under load thousands of calls are under way at a time, and what they keep is what a young collection copies. V8 keeps an
 * integer of 32 bits in the object that has it; nanoseconds are an object of their own, and so is every fraction. So
 * {@link now} is in microseconds without its higher bits: the difference of two is right up to an hour.
 *
 * Use it to measure what has a limit: an attempt, a call. What may last for longer takes the clock's own nanoseconds.
 */
import type { Clock } from "effect"

/** An instant of the monotonic clock. */
export const now = (clock: Clock.Clock): number => (Number(clock.monotonicTimeNanosUnsafe()) / 1e3) | 0

/** The instant at which so many milliseconds had passed: {@link now}, of a clock that says milliseconds. */
export const ofMillis = (millis: number): number => (millis * 1e3) | 0

/** Milliseconds since then, to a thousandth. */
export const millisSince = (clock: Clock.Clock, then: number): number => ((now(clock) - then) >>> 0) / 1e3

/**
 * The same number, kept by V8 in the object that has it where 32 bits are enough. What arithmetic leaves as a float is boxed
 * even where it is whole.
 */
export const small = (value: number): number => {
  const whole = value | 0
  return whole === value ? whole : value
}
