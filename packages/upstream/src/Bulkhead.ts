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

/** The policy, and its count. What it refuses fails with `Rejected` by `bulkhead`. */
export interface Bulkhead extends Policy<UpstreamError> {
  /** How many attempts are under way now. */
  readonly inFlight: () => number
}

/** For which upstream, by name, and how many attempts at once. */
export interface Options {
  readonly upstream: string
  readonly permits: number
}

/**
 * An empty bulkhead. Make it once for an upstream, and put it next to the attempt: inside hedges and retries.
 *
 * @example
 * const bulkhead = Bulkhead.make({ upstream: "price", permits: 1 })
 * yield* bulkhead(Effect.sync(bulkhead.inFlight)) // => 1
 * const error = yield* Effect.flip(bulkhead(bulkhead(Effect.succeed(499))))
 * error.message // => "price was not asked: too many calls are under way"
 */
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
