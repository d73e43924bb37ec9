/** An entry as the contract writes it (RoomApi's EntryAnswer): its outcomes become parts with their milliseconds. */
import type * as Timeline from "@portico/fanout/Timeline"
import * as PartEncoding from "./PartEncoding.ts"
import * as RoomEntry from "./RoomEntry.ts"

const names = ["version", "live", "user", "equity", "statistics"] as const

/**
 * The JSON of the answer to one entry. Milliseconds are those of `timeline`; a part that is not on it has 0.
 *
 * Put together from its parts' texts, and not as one value, because a part that many viewers share is written once.
 */
export const encode = (
  mode: RoomEntry.Mode,
  viewer: RoomEntry.Viewer,
  entry: RoomEntry.RoomEntry,
  { marks }: Timeline.Timeline
): string => {
  const { roomId, userId = null } = viewer
  const about = JSON.stringify({ roomId, userId, mode, complete: RoomEntry.isComplete(entry) })
  let parts = ""
  for (const name of names) {
    const mark = marks.find(({ part }) => part === name)
    parts += `${parts === "" ? "" : ","}"${name}":${PartEncoding.toJson(entry[name], mark)}`
  }
  return `${about.slice(0, -1)},"parts":{${parts}}}`
}
