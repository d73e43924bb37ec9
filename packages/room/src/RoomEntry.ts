/**
 * Entering a room: the composition of the five upstreams into one answer.
 *
 * The mode decides what a failure means (failfast and serial: the end; settle: that part's outcome; degrade: the end where
 * the part is required, else a lesser answer). A guest, who has no user id, has no profile and no equity: those parts are
 * skipped.
 */
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import { Effect, Schema } from "effect"
import * as Equity from "./Equity.ts"
import { Live, type LiveRoom } from "./Live.ts"
import type { RoomId, RoomNotFound } from "./RoomId.ts"
import type { RoomUpstreams } from "./RoomUpstreams.ts"
import { type RoomStatistics, Statistics } from "./Statistics.ts"
import { User, type UserProfile } from "./User.ts"
import type { UserId, UserNotFound } from "./UserId.ts"
import { type Platform, Version, type VersionInfo } from "./Version.ts"

/** How the five are combined, and what the failure of one means: see above. */
export const Mode = Schema.Literals(["failfast", "settle", "degrade", "serial"])
export type Mode = typeof Mode.Type

/** Who enters which room, with which client. */
export interface Viewer {
  readonly roomId: RoomId
  /** Undefined: a guest. */
  readonly userId: UserId | undefined
  readonly platform: Platform
}

/** An entry: how each of the five parts ended, in every mode alike. */
export interface RoomEntry {
  readonly version: Part.Outcome<VersionInfo, UpstreamError>
  readonly live: Part.Outcome<LiveRoom, RoomNotFound | UpstreamError>
  readonly user: Part.Outcome<UserProfile, UserNotFound | UpstreamError>
  readonly equity: Part.Outcome<Equity.UserEquity, UpstreamError>
  readonly statistics: Part.Outcome<RoomStatistics, RoomNotFound | UpstreamError>
}

/** What can take the place of an entry. */
export type EntryError = RoomNotFound | UserNotFound | UpstreamError

/**
 * Enters a room in one of the four modes. The calls are put together as it begins, and not before: what waits for them would
 * keep all that they are made of for as long as they take, for every young collection to copy.
 */
export const enter = (mode: Mode, viewer: Viewer): Effect.Effect<RoomEntry, EntryError, RoomUpstreams> => {
  switch (mode) {
    case "failfast":
      return Effect.map(
        Effect.suspend(() => FanOut.failFast(calls(viewer))),
        allOk
      )
    case "serial":
      return Effect.map(
        Effect.suspend(() => FanOut.serial(calls(viewer))),
        allOk
      )
    case "settle":
      return Effect.suspend(() => FanOut.settle(calls(viewer)))
    case "degrade":
      return Effect.map(
        Effect.suspend(() => FanOut.degrade(graded(viewer))),
        degraded
      )
  }
}

const calls = ({ roomId, userId, platform }: Viewer) => {
  const room = { roomId }
  return {
    version: Version.fetch({ platform }),
    live: Live.fetch(room),
    user: userId === undefined ? Part.skipped : User.fetch({ userId }),
    equity: userId === undefined ? Part.skipped : Equity.Equity.fetch({ userId, roomId }),
    statistics: Statistics.fetch(room)
  }
}

const allOk = (data: FanOut.All<ReturnType<typeof calls>>): RoomEntry => ({
  version: Part.ok(data.version),
  live: Part.ok(data.live),
  user: okOrSkipped(data.user),
  equity: okOrSkipped(data.equity),
  statistics: Part.ok(data.statistics)
})

/** Without the room, or without the user who wants in, there is nothing to enter; the rest is worth having. */
const graded = ({ roomId, userId, platform }: Viewer) => {
  const client = { platform }
  const room = { roomId }
  return {
    version: Part.optional(Version.fetch(client), { stale: Version.lastGood(client) }),
    live: Part.required(Live.fetch(room)),
    user: userId === undefined ? Part.skipped : Part.required(User.fetch({ userId })),
    equity: userId === undefined ? Part.skipped : equityOf({ userId, roomId }),
    statistics: Part.optional(Statistics.fetch(room), { stale: Statistics.lastGood(room) })
  }
}

const degraded = (parts: FanOut.Degraded<ReturnType<typeof graded>>): RoomEntry => ({
  ...parts,
  live: Part.ok(parts.live),
  user: okOrSkipped(parts.user)
})

const equityOf = (owner: { readonly userId: UserId; readonly roomId: RoomId }) =>
  Part.optional(Equity.Equity.fetch(owner), {
    stale: Equity.Equity.lastGood(owner),
    fallback: () => Equity.none(owner.userId)
  })

const okOrSkipped = <A>(data: A | Part.Skipped): Part.Ok<A> | Part.Skipped =>
  Part.isSkipped(data) ? data : Part.ok(data)

/** Whether every part is there, or left out on purpose. */
export const isComplete = (entry: RoomEntry): boolean => Object.values(entry).every(Part.isComplete)
