/**
 * At most so many attempts under way at one upstream; one more is refused at once.
 *
 * It keeps one slow upstream from taking all the process's memory and sockets. There is no queue: whoever waits in one
 * spends a deadline on nothing, and an unbounded queue only moves the collapse (Hystrix's semaphore isolation). It counts
 * attempts, not calls, so that a retry's back-off holds no permit and a hedge needs one of its own.
 *
 * Effect's Semaphore answers an Option where this answers an error, and costs as much: see benchmark/Policies.ts.
 */
import { Effect } from "effect"
import * as Gate from "./internal/Gate.ts"
import type { Policy } from "./Policy.ts"
import { Rejected, UpstreamError } from "./UpstreamError.ts"

export interface Bulkhead extends Policy<UpstreamError> {
  /** How many attempts are under way now. */
  readonly inFlight: () => number
}

export interface Options {
  readonly upstream: string
  readonly permits: number
}

export const make = ({ upstream, permits }: Options): Bulkhead => {
  const full = Effect.suspend(() =>
    Effect.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "bulkhead" }) }))
  )
  let inFlight = 0
  const gate: Gate.Gate<true, UpstreamError> = {
    enter: () => {
      if (inFlight >= permits) return undefined
      inFlight++
      return true
    },
    refuse: () => full,
    leave: () => {
      inFlight--
    }
  }
  const policy: Policy<UpstreamError> = (call) => Gate.through(gate, call)
  return Object.assign(policy, { inFlight: () => inFlight })
}
