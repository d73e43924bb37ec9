/** The equity upstream: what a user is entitled to in a room. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Effect, Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"
import { RoomId } from "./RoomId.ts"
import { UserId } from "./UserId.ts"

/** What a user is entitled to in a room. */
export const UserEquity = Schema.Struct({
  userId: UserId,
  vip: Schema.Boolean,
  badges: Schema.Array(Schema.String),
  coins: Schema.Int,
  privileges: Schema.Array(Schema.String)
})
export type UserEquity = typeof UserEquity.Type

/** Nothing granted: what a 404 means, and what stands in when the upstream cannot be had. */
export const none = (userId: UserId): UserEquity => ({ userId, vip: false, badges: [], coins: 0, privileges: [] })

/** The upstream. It has no error of its own: a user without anything is an answer. */
export class Equity extends Upstream.Service<Equity>()("equity", {
  input: Schema.Struct({ userId: UserId, roomId: RoomId }),
  output: UserEquity,
  errors: []
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly userId: UserId; readonly roomId: RoomId }, UserEquity, never> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ userId, roomId }) => Path.get`/users/${userId}/equity?roomId=${roomId}`,
    on: { 404: ({ userId }) => Effect.succeed(none(userId)) },
    ...(endpoint.batch
      ? {
          batch: {
            request: (inputs) =>
              Path.get`/equity?roomId=${inputs[0]?.roomId ?? ""}&userIds=${inputs.map(({ userId }) => userId).join(",")}`,
            id: ({ userId }) => userId,
            field: "userId",
            group: ({ roomId }) => roomId
          }
        }
      : {}),
    // Bought a moment ago, it counts at once; through an outage what was granted a minute ago still stands.
    policies: { ...policies(endpoint), staleIfError: "1 minute" }
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
