/**
 * The statistics upstream: how many watch a room, and what they have given it. The numbers move with the Clock, so that a
 * page that asks again sees a live room live; at any one instant they are the same for everybody.
 */
import { Clock, Effect } from "effect"
import * as Answer from "./Answer.ts"
import * as Id from "./Id.ts"
import type * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"

export interface Statistics {
  readonly roomId: string
  readonly viewers: number
  readonly likes: number
  readonly gifts: number
}

export const routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError, Sqlite.Sqlite> = Effect.gen(
  function* () {
    const sqlite = yield* Sqlite.Sqlite
    const byRoom = yield* sqlite.prepare("select status, viewers, likes, gifts from statistics where room_id = ?")
    return [
      {
        path: "/rooms/:roomId/statistics",
        answer: ({ path: { roomId } }) => {
          if (!Id.is(roomId)) return Effect.succeed(Answer.badInput("roomId", roomId, Id.expected))
          return Effect.flatMap(byRoom(roomId), (row) =>
            row === undefined
              ? Effect.succeed(noSuchRoom)
              : Effect.map(Clock.currentTimeMillis, (now) => Answer.json(JSON.stringify(at(now, roomId, row))))
          )
        }
      }
    ]
  }
)

const noSuchRoom = Answer.error(404, "no such room")

const at = (now: number, roomId: string, row: Sqlite.Row): Statistics => {
  const [viewers, likes, gifts] = [
    Sqlite.number(row, "viewers"),
    Sqlite.number(row, "likes"),
    Sqlite.number(row, "gifts")
  ]
  return row["status"] === "live" ? drift({ roomId, viewers, likes, gifts }, now) : { roomId, viewers, likes, gifts }
}

/**
 * A live room's numbers at the instant `now`: viewers come and go by a seventh in waves of a few minutes, each room in its
 * own; likes and gifts are the day's, and grow until midnight (UTC) at a pace that fits the crowd.
 */
export const drift = (base: Statistics, now: number): Statistics => {
  const phase = hash(base.roomId)
  const seconds = now / 1000
  const period = 120 + (phase % 240)
  const wave = Math.sin((2 * Math.PI * (seconds + phase)) / period) + 0.4 * Math.sin((seconds + phase) / 7)
  const today = ((seconds % 86_400) + 86_400) % 86_400
  return {
    roomId: base.roomId,
    viewers: Math.max(0, Math.round(base.viewers * (1 + 0.1 * wave))),
    likes: base.likes + Math.floor((today * base.viewers) / 300),
    gifts: base.gifts + Math.floor((today * base.viewers) / 20_000)
  }
}

const hash = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % 100_003
}
