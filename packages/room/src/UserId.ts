/** Which user. 1 to 64 of `A-Z a-z 0-9 _ -`: safe in a path, a log and a cache key. */
import { Schema } from "effect"

/** A user's id, once it is known to have the form of one. */
export const UserId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { description: "1 to 64 of A-Z a-z 0-9 _ -" })
).pipe(Schema.brand("UserId"))
export type UserId = typeof UserId.Type

/** There is no such user: an answer of the domain, not a fault of an upstream. */
export class UserNotFound extends Schema.TaggedError<UserNotFound>()("UserNotFound", { userId: UserId }) {
  override get message() {
    return "there is no such user"
  }
}
