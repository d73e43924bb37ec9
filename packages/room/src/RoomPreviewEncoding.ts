/** Previews as the contract writes them. */
import type * as Timeline from "@portico/fanout/Timeline"
import * as PartEncoding from "./PartEncoding.ts"
import type { PreviewAnswer } from "./RoomApi.ts"
import * as RoomPreview from "./RoomPreview.ts"

/**
 * The answer to one preview, its rooms in their order. Milliseconds are those of `timeline`; a part that is not on it has 0.
 */
export const encode = (
  previews: ReadonlyArray<RoomPreview.RoomPreview>,
  timeline: Timeline.Timeline
): PreviewAnswer => {
  const marks = new Map(timeline.marks.map((mark) => [mark.part, mark]))
  const ms = (name: string) => PartEncoding.millis(marks.get(name))
  return {
    complete: previews.every(RoomPreview.isComplete),
    rooms: previews.map(({ roomId, live, statistics, anchor }) => ({
      roomId,
      parts: {
        live: PartEncoding.encode(live, ms(`${roomId}/live`)),
        statistics: PartEncoding.encode(statistics, ms(`${roomId}/statistics`)),
        anchor: PartEncoding.encode(anchor, ms(`${roomId}/live/anchor`))
      }
    }))
  }
}
