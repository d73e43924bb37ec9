/** An entry as the contract writes it: outcomes become parts with their milliseconds, errors become plain data. */
import type * as Timeline from "@portico/fanout/Timeline"
import * as PartEncoding from "./PartEncoding.ts"
import type { EntryAnswer } from "./RoomApi.ts"
import * as RoomEntry from "./RoomEntry.ts"

/** The answer to one entry. Milliseconds are those of `timeline`; a part that is not on it has 0. */
export const encode = (
  mode: RoomEntry.Mode,
  viewer: RoomEntry.Viewer,
  entry: RoomEntry.RoomEntry,
  timeline: Timeline.Timeline
): EntryAnswer => {
  const ms = (part: keyof RoomEntry.RoomEntry): number =>
    PartEncoding.millis(timeline.marks.find((mark) => mark.part === part))
  return {
    roomId: viewer.roomId,
    userId: viewer.userId ?? null,
    mode,
    complete: RoomEntry.isComplete(entry),
    parts: {
      version: PartEncoding.encode(entry.version, ms("version")),
      live: PartEncoding.encode(entry.live, ms("live")),
      user: PartEncoding.encode(entry.user, ms("user")),
      equity: PartEncoding.encode(entry.equity, ms("equity")),
      statistics: PartEncoding.encode(entry.statistics, ms("statistics"))
    }
  }
}
