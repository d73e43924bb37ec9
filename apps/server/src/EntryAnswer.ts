/** The answer to an entry that went well, and the series of how entries ended: what the route and the lane have in common. */
import * as RequestId from "@portico/call/RequestId"
import * as ServerTiming from "@portico/edge/ServerTiming"
import * as Telemetry from "@portico/edge/Telemetry"
import * as Timeline from "@portico/fanout/Timeline"
import * as RoomEntry from "@portico/room/RoomEntry"
import { Cause, Exit } from "effect"

/** Records how long an entry took, by its mode and its {@link outcomeOf}. */
export const durations = Telemetry.durations({
  name: "entry_duration_seconds",
  description: "How long entries took, by mode and by how they ended",
  kindLabel: "mode",
  kinds: RoomEntry.Mode.literals
})

/** `complete`, `partial`, the error's name, or `left`: the client did not wait. */
export const outcomeOf = (exit: Exit.Exit<RoomEntry.RoomEntry, RoomEntry.EntryError>): string => {
  if (Exit.isSuccess(exit)) return completeness(exit.value)
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "left" : "defect"
  return failure.error._tag === "UpstreamError" ? failure.error.reason._tag : failure.error._tag
}

/** {@link outcomeOf} one that went well. */
export const completeness = (entry: RoomEntry.RoomEntry): string =>
  RoomEntry.isComplete(entry) ? "complete" : "partial"

/** How each part was had, for `Server-Timing`: of an error's answer too. */
export const serverTiming = (timeline: Timeline.Timeline): string => ServerTiming.format(Timeline.metrics(timeline))

export const contentType = "application/json"

/** All headers of the answer but those that say what its body is. */
export const headers = (timeline: Timeline.Timeline, requestId: string): Record<string, string> => ({
  "cache-control": "private, no-store",
  "server-timing": serverTiming(timeline),
  [RequestId.header]: requestId
})
