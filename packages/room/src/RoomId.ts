/** Which room. 1 to 64 of `A-Z a-z 0-9 _ -`: safe in a path, a log and a cache key. */
import { Schema } from "effect"

/** A room's id, once it is known to have the form of one. */
export const RoomId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/, { description: "1 to 64 of A-Z a-z 0-9 _ -" })
).pipe(Schema.brand("RoomId"))
export type RoomId = typeof RoomId.Type

/** There is no such room: an answer of the domain, not a fault of an upstream. */
export class RoomNotFound extends Schema.TaggedError<RoomNotFound>()("RoomNotFound", { roomId: RoomId }) {
  override get message() {
    return "there is no such room"
  }
}
