/** Where one of the room's upstreams is, and the numbers that an operator chooses for it. The rest of its policies stand with it. */
import type { Duration } from "effect"

export interface Endpoint {
  readonly baseUrl: URL
  /** The limit of one attempt. */
  readonly timeout: Duration.Duration
  /** The largest body taken, in bytes. */
  readonly maxResponse: number
}
