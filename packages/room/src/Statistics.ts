/** The statistics upstream: how many watch, like and give. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"
import { RoomId, RoomNotFound } from "./RoomId.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

/** What a room counts. */
export const RoomStatistics = Schema.Struct({ roomId: RoomId, viewers: Count, likes: Count, gifts: Count })
export type RoomStatistics = typeof RoomStatistics.Type

/** The upstream. A room that does not exist is its one error. */
export class Statistics extends Upstream.Service<Statistics>()("statistics", {
  input: Schema.Struct({ roomId: RoomId }),
  output: RoomStatistics,
  errors: [RoomNotFound]
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly roomId: RoomId }, RoomStatistics, RoomNotFound> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ roomId }) => Path.get`/rooms/${roomId}/statistics`,
    on: { 404: ({ roomId }) => new RoomNotFound({ roomId }) },
    // Counts are approximate anyway: a second old is fresh, half a minute old is better than none.
    policies: { ...policies(endpoint), freshFor: "1 second", staleIfError: "30 seconds" }
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
