/**
 * Limits one attempt: to its own limit or to what is left of the deadline, the lesser.
 *
 * Which of the two ran out is said in the error, because only the attempt's own limit says something about the upstream:
 * that a caller came late does not.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Duration, Effect } from "effect"
import type { Policy } from "./Policy.ts"
import { Timeout, UpstreamError } from "./UpstreamError.ts"

export const make = (upstream: string, limit: Duration.Input): Policy<UpstreamError> => {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(limit))
  const attempt = timedOut(upstream, "attempt")
  const deadline = timedOut(upstream, "deadline")
  return (call) =>
    Effect.withFiber((fiber) => {
      const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
      const until = fiber.getRef(Deadline.Deadline)
      if (until <= now) return deadline
      return now + millis <= until ? Alarm.race(call, now + millis, attempt) : Alarm.race(call, until, deadline)
    })
}

const timedOut = (upstream: string, limit: Timeout["limit"]) =>
  Effect.suspend(() => Effect.fail(new UpstreamError({ upstream, reason: new Timeout({ limit }) })))
