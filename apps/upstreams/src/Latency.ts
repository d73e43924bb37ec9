/**
 * How long an upstream takes to answer: a distribution between two bounds, skewed as real ones are. The logarithm of the
 * draw is bell-shaped, so most answers come early (the median at a sixth of the way) and a tail comes late (the 99th
 * percentile beyond the middle), and none is outside the bounds.
 */
import { Schema, type Random } from "effect"

/** Milliseconds, `0 <= min <= max`. */
export interface Latency {
  readonly min: number
  readonly max: number
}

const Millis = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 600_000 }))

export const Latency = Schema.Struct({ min: Millis, max: Millis }).check(
  Schema.makeFilter((latency) => latency.min <= latency.max, { expected: "min to be at most max" })
)

export const usual: Latency = { min: 10, max: 60 }

export const none: Latency = { min: 0, max: 0 }

/** One draw, in whole milliseconds. */
export const draw = (latency: Latency, random: Random.Random): number => {
  if (latency.max === latency.min) return Math.round(latency.min)
  // The mean of three even draws is bell-shaped enough, and bounded.
  const bell = (random.nextDoubleUnsafe() + random.nextDoubleUnsafe() + random.nextDoubleUnsafe()) / 1.5 - 1
  return Math.round(latency.min + (latency.max - latency.min) * ((Math.exp(skew * bell) - low) / (high - low)))
}

const skew = 1.6
const low = Math.exp(-skew)
const high = Math.exp(skew)
