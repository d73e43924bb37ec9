/** Where one of the room's upstreams is, and the numbers that an operator chooses for it. The rest of its policies stand with it. */
import * as Breaker from "@portico/upstream/Breaker"
import * as Hedge from "@portico/upstream/Hedge"
import type * as Upstream from "@portico/upstream/Upstream"
import type { Duration } from "effect"

/** One upstream's place and limits, as the service's settings give them. */
export interface Endpoint {
  readonly baseUrl: URL
  /** The limit of one attempt. */
  readonly timeout: Duration.Duration
  /** The largest body taken, in bytes. */
  readonly maxResponse: number
  /** Whether it has a batch form (user and equity may have one). It has none unless said so. */
  readonly batch?: boolean
}

/**
 * What all five start with. One retry: a second one would rarely fit into a deadline of a second. A bulkhead of
 * 1,024: at 50 ms an answer that is twenty thousand a second, far beyond what one process asks for, so only an upstream that
 * hangs fills it. With 512 a thousand clients filled it too: after a pause of the collector more of them begin at once than
 * in any time of its length, and one of fifty entries came without its statistics.
 */
export const policies = ({ timeout, maxResponse }: Endpoint): Upstream.Policies => ({
  timeout,
  maxResponse,
  bulkhead: 1_024,
  hedge: Hedge.defaults,
  retries: 1,
  breaker: Breaker.defaults
})
