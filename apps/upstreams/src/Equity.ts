/** The equity upstream: what a user has been granted in a room; for one user, or up to a hundred in one room at once. */
import { Effect } from "effect"
import * as Answer from "./Answer.ts"
import * as Id from "./Id.ts"
import type * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"

export const routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError, Sqlite.Sqlite> = Effect.gen(
  function* () {
    const sqlite = yield* Sqlite.Sqlite
    const object = `json_object('userId', user_id, 'vip', json(iif(vip, 'true', 'false')), 'badges', json(badges),
      'coins', coins, 'privileges', json(privileges))`
    const byUser = yield* sqlite.prepare(`select ${object} as body from equities where user_id = ? and room_id = ?`)
    const byUsers = yield* sqlite.prepare(
      `select json_object('items', json_group_array(${object} order by asked.key)) as body
       from (select key, value from json_each(?)) as asked join equities on user_id = asked.value and room_id = ?`
    )
    return [
      {
        path: "/users/:userId/equity",
        answer: ({ path: { userId }, query: { roomId } }) => {
          if (!Id.is(userId)) return Effect.succeed(Answer.badInput("userId", userId, Id.expected))
          if (!Id.is(roomId)) return Effect.succeed(Answer.badInput("roomId", roomId, Id.expected))
          return Effect.map(byUser(userId, roomId), (row) => {
            const body = Sqlite.text(row, "body")
            return body === undefined ? noneGranted : Answer.json(body)
          })
        }
      },
      {
        path: "/equity",
        answer: ({ query }) => {
          const { roomId, userIds } = query
          const ids = Id.list(userIds)
          if (!Id.is(roomId)) return Effect.succeed(Answer.badInput("roomId", roomId, Id.expected))
          if (ids === undefined) return Effect.succeed(Answer.badInput("userIds", userIds, Id.listExpected))
          return Effect.map(byUsers(ids, roomId), (row) => Answer.json(Sqlite.text(row, "body") ?? none))
        }
      }
    ]
  }
)

const noneGranted = Answer.error(404, "no equity granted to this user in this room")
const none = '{"items":[]}'
