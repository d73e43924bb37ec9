/** A composition of one's own, of two of the room's upstreams. CardOnFakes.ts runs it. */
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import { Live } from "@portico/room/Live"
import type { RoomId } from "@portico/room/RoomId"
import { Statistics } from "@portico/room/Statistics"
import { Effect } from "effect"

/** A room's card in a list: nothing without the room, and well without its statistics. */
export const card = (roomId: RoomId) =>
  FanOut.degrade({
    live: Part.required(Live.fetch({ roomId })),
    statistics: Part.optional(Statistics.fetch({ roomId }), { stale: Statistics.lastGood({ roomId }) })
  }).pipe(
    Effect.map(({ live, statistics }) => ({
      title: live.title,
      viewers: "data" in statistics ? statistics.data.viewers : "unknown"
    }))
  )
