/** The user upstream: a user's profile. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"
import { UserId, UserNotFound } from "./UserId.ts"

/** What a user shows to others. */
export const UserProfile = Schema.Struct({
  userId: UserId,
  nickname: Schema.String,
  level: Schema.Int,
  avatarUrl: Schema.String
})
export type UserProfile = typeof UserProfile.Type

/** The upstream. A user that does not exist is its one error. */
export class User extends Upstream.Service<User>()("user", {
  input: Schema.Struct({ userId: UserId }),
  output: UserProfile,
  errors: [UserNotFound]
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly userId: UserId }, UserProfile, UserNotFound> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ userId }) => Path.get`/users/${userId}`,
    on: { 404: ({ userId }) => new UserNotFound({ userId }) },
    ...(endpoint.batch
      ? {
          batch: {
            request: (inputs) => Path.get`/users?ids=${inputs.map(({ userId }) => userId).join(",")}`,
            id: ({ userId }) => userId,
            field: "userId"
          }
        }
      : {}),
    // Never remembered: who changed his name sees it at once.
    policies: policies(endpoint)
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
