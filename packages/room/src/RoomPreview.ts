/**
 * A list of rooms before anybody enters one: what is live, how many watch, and whose room it is.
 *
 * Every part is optional and fails alone, also the room itself: one that does not exist is a gap in the list. The anchor's
 * profile needs the room's `anchorId` first, so that it is a step after `live`, and is skipped where the room cannot be had.
 * It stands in this package, not in one of its own: its upstreams are three of the room's, and a client takes one contract.
 */
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import { Effect, Schema } from "effect"
import { Live, type LiveRoom } from "./Live.ts"
import { RoomId, type RoomNotFound } from "./RoomId.ts"
import { type RoomStatistics, Statistics } from "./Statistics.ts"
import { User, type UserProfile } from "./User.ts"
import type { UserNotFound } from "./UserId.ts"

/** Which rooms: as many as a list shows, none twice. */
export const RoomIds = Schema.Array(RoomId).check(Schema.isMinLength(1), Schema.isMaxLength(50), Schema.isUnique())
export type RoomIds = typeof RoomIds.Type

/** One room of the list: how each of its three parts ended. */
export interface RoomPreview {
  readonly roomId: RoomId
  readonly live: Part.Outcome<LiveRoom, RoomNotFound | UpstreamError>
  readonly statistics: Part.Outcome<RoomStatistics, RoomNotFound | UpstreamError>
  /** Skipped where `live` does not say who it is. */
  readonly anchor: Part.Outcome<UserProfile, UserNotFound | UpstreamError>
}

/**
 * Rooms at once. The longest list goes in two turns, each with half of the deadline; and one list has no more than 50 calls
 * under way, so that ten lists with a hanging upstream do not fill its bulkhead.
 */
export const concurrency = 25

/** Previews the rooms, in their order. */
export const preview = (roomIds: RoomIds): Effect.Effect<Array<RoomPreview>, never, Live | Statistics | User> =>
  FanOut.forEach(roomIds, room, { concurrency, name: (roomId) => roomId })

const room = (roomId: RoomId): Effect.Effect<RoomPreview, never, Live | Statistics | User> =>
  Effect.map(
    FanOut.degrade({
      live: Part.followedBy(Part.optional(Live.fetch({ roomId })), {
        anchor: ({ anchorId }) => Part.optional(User.fetch({ userId: anchorId }))
      }),
      statistics: Part.optional(Statistics.fetch({ roomId }), { stale: Statistics.lastGood({ roomId }) })
    }),
    ({ live, statistics }) => ({ roomId, live: live.self, statistics, anchor: live.steps.anchor })
  )

/** Whether every part of the room is there. One that cannot be had is not complete, though its anchor is skipped. */
export const isComplete = ({ live, statistics, anchor }: RoomPreview): boolean =>
  [live, statistics, anchor].every(Part.isComplete)
