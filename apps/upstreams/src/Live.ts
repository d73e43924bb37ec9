/** The live upstream: a room, whether it is live, and where its streams are. */
import { Effect } from "effect"
import * as Answer from "./Answer.ts"
import * as Id from "./Id.ts"
import type * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"

export const routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError, Sqlite.Sqlite> = Effect.gen(
  function* () {
    const sqlite = yield* Sqlite.Sqlite
    const byId = yield* sqlite.prepare(
      `select json_object('roomId', id, 'title', title, 'status', status, 'anchorId', anchor_id, 'coverUrl', cover_url,
         'startedAt', started_at, 'streams', json(streams)) as body
       from rooms where id = ?`
    )
    return [
      {
        path: "/rooms/:roomId",
        answer: ({ path: { roomId } }) => {
          if (!Id.is(roomId)) return Effect.succeed(Answer.badInput("roomId", roomId, Id.expected))
          return Effect.map(byId(roomId), (row) => {
            const body = Sqlite.text(row, "body")
            return body === undefined ? noSuchRoom : Answer.json(body)
          })
        }
      }
    ]
  }
)

const noSuchRoom = Answer.error(404, "no such room")
