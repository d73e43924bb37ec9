/** The user upstream: a user's profile. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import type { Endpoint } from "./Endpoint.ts"
import { UserId, UserNotFound } from "./UserId.ts"

export const UserProfile = Schema.Struct({
  userId: UserId,
  nickname: Schema.String,
  level: Schema.Int,
  avatarUrl: Schema.String
})
export type UserProfile = typeof UserProfile.Type

export class User extends Upstream.Service<User>()("user", {
  input: Schema.Struct({ userId: UserId }),
  output: UserProfile,
  errors: [UserNotFound]
}) {
  static readonly layer = ({ baseUrl, timeout, maxResponse }: Endpoint) =>
    this.layerHttp({
      baseUrl,
      request: ({ userId }) => Path.get`/users/${userId}`,
      on: { 404: ({ userId }) => new UserNotFound({ userId }) },
      policies: { timeout, maxResponse }
    })
}
