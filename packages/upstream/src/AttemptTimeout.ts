/**
 * Limits one attempt: to its own limit or to what is left of the deadline, the lesser.
 *
 * Which of the two ran out is said in the error, because only the attempt's own limit says something about the upstream:
 * that a caller came late does not.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Duration, Effect, type Fiber } from "effect"
import type { Policy } from "./Policy.ts"
import { Timeout, UpstreamError } from "./UpstreamError.ts"

/** Until when an attempt may last, and what it ends in then. */
export interface Limit {
  readonly until: number
  readonly late: Effect.Effect<never, UpstreamError>
}

/** The policy, for any Effect. It needs a fiber for the attempt. */
export const make = (upstream: string, limit: Duration.Input): Policy<UpstreamError> => {
  const limitOf = limiter(upstream, limit)
  return (call) =>
    Effect.withFiber((fiber) => {
      const { until, late } = limitOf(fiber)
      return until <= fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() ? late : Alarm.race(call, until, late)
    })
}

/** The policy's decision alone, for an attempt that can be ended without a fiber of its own. */
export const limiter = (upstream: string, limit: Duration.Input): ((fiber: Fiber.Fiber<unknown, unknown>) => Limit) => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(limit))
  const attempt = timedOut(upstream, "attempt")
  const deadline = timedOut(upstream, "deadline")
  return (fiber) => {
    const own = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() + millis
    const until = fiber.getRef(Deadline.Deadline)
    return own <= until ? { until: own, late: attempt } : { until, late: deadline }
  }
}

const timedOut = (upstream: string, limit: Timeout["limit"]) =>
  Effect.suspend(() => Effect.fail(new UpstreamError({ upstream, reason: new Timeout({ limit }) })))
