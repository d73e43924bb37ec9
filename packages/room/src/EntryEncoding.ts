/** An entry as the contract writes it: outcomes become parts with their milliseconds, errors become plain data. */
import type * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import type { EntryAnswer, PartError } from "./RoomApi.ts"
import * as RoomEntry from "./RoomEntry.ts"
import type { RoomNotFound } from "./RoomId.ts"
import type { UserNotFound } from "./UserId.ts"

export const encode = (
  mode: RoomEntry.Mode,
  viewer: RoomEntry.Viewer,
  entry: RoomEntry.RoomEntry,
  timeline: Timeline.Timeline
): EntryAnswer => {
  const ms = (part: keyof RoomEntry.RoomEntry): number => {
    const mark = timeline.marks.find((mark) => mark.part === part)
    return mark === undefined ? 0 : Math.round(Timeline.duration(mark) * 10) / 10
  }
  return {
    roomId: viewer.roomId,
    userId: viewer.userId ?? null,
    mode,
    complete: RoomEntry.isComplete(entry),
    parts: {
      version: encodePart(entry.version, ms("version")),
      live: encodePart(entry.live, ms("live")),
      user: encodePart(entry.user, ms("user")),
      equity: encodePart(entry.equity, ms("equity")),
      statistics: encodePart(entry.statistics, ms("statistics"))
    }
  }
}

type KnownError = UpstreamError | RoomNotFound | UserNotFound | Part.Defect

const encodePart = <A>(outcome: Part.Outcome<A, Exclude<KnownError, Part.Defect>>, ms: number) => {
  switch (outcome.status) {
    case "ok":
      return { status: "ok" as const, data: outcome.data, ms }
    case "stale":
      return {
        status: "stale" as const,
        data: outcome.data,
        ageMs: Math.round(outcome.ageMillis),
        error: encodeError(outcome.error),
        ms
      }
    case "fallback":
      return { status: "fallback" as const, data: outcome.data, error: encodeError(outcome.error), ms }
    case "failed":
      return { status: "failed" as const, error: encodeError(outcome.error), ms }
    case "skipped":
      return { status: "skipped" as const, ms }
  }
}

const encodeError = (error: KnownError): PartError => {
  if (error._tag !== "UpstreamError") return { _tag: error._tag, message: error.message }
  const { upstream, reason, message } = error
  return {
    _tag: "UpstreamError",
    reason: reason._tag,
    upstream,
    ...(reason._tag === "Status" ? { status: reason.status } : {}),
    message
  }
}
