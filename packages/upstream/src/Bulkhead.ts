/**
 * At most so many attempts under way at one upstream; one more is refused at once.
 *
 * It keeps one slow upstream from taking all the process's memory and sockets. There is no queue: whoever waits in one
 * spends a deadline on nothing, and an unbounded queue only moves the collapse (Hystrix's semaphore isolation). It counts
 * attempts, not calls, so that a retry's back-off holds no permit and a hedge needs one of its own.
 *
 * Effect's Semaphore answers an Option where this answers an error, and costs as much: see benchmark/Policies.ts.
 */
import { Exit } from "effect"
import * as Gate from "./internal/Gate.ts"
import type { Stackable } from "./Policy.ts"
import { Rejected, UpstreamError } from "./UpstreamError.ts"

/** The policy, and its count. What it refuses fails with `Rejected` by `bulkhead`. */
export interface Bulkhead extends Stackable<UpstreamError> {
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
  let inFlight = 0
  const gate: Gate.Gate<true, UpstreamError> = {
    enter: () => {
      if (inFlight >= permits) return undefined
      inFlight++
      return true
    },
    refuse: () => Exit.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "bulkhead" }) })),
    leave: () => {
      inFlight--
    }
  }
  return Object.assign(Gate.policy(gate), { around: Gate.around(gate), inFlight: () => inFlight })
}
