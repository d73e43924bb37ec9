/**
 * Limits one attempt: to its own limit or to what is left of the deadline, the lesser.
 *
 * Which of the two ran out is said in the error, because only the attempt's own limit says something about the upstream:
 * that a caller came late does not.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Duration, Effect, Exit } from "effect"
import type { Policy } from "./Policy.ts"
import { Timeout, UpstreamError } from "./UpstreamError.ts"

/** Until when an attempt may last, and what it ends in then. */
export interface Limit {
  readonly until: number
  readonly late: Exit.Exit<never, UpstreamError>
}

/** The policy, for any Effect. It needs a fiber for the attempt. */
export const make = (upstream: string, limit: Duration.Input): Policy<UpstreamError> => {
  const limitOf = limiter(upstream, limit)
  return (call) =>
    Effect.withFiber((fiber) => {
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const { until, late } = limitOf(now, fiber.getRef(Deadline.Deadline))
      return until <= now ? late : Alarm.race(call, until, late)
    })
}

/** The policy's decision alone, for an attempt that can be ended without a fiber of its own: from now and the deadline. */
export const limiter = (upstream: string, limit: Duration.Input): ((now: number, deadline: number) => Limit) => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(limit))
  const attempt = timedOut(upstream, "attempt")
  const atDeadline = timedOut(upstream, "deadline")
  return (now, deadline) => {
    const own = now + millis
    return own <= deadline ? { until: own, late: attempt } : { until: deadline, late: atDeadline }
  }
}

const timedOut = (upstream: string, limit: Timeout["limit"]) =>
  Exit.fail(new UpstreamError({ upstream, reason: new Timeout({ limit }) }))
