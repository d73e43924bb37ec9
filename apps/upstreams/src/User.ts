/** The user upstream: who somebody is; one, or up to a hundred at once. */
import { Effect } from "effect"
import * as Answer from "./Answer.ts"
import * as Id from "./Id.ts"
import type * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"

export const routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError, Sqlite.Sqlite> = Effect.gen(
  function* () {
    const sqlite = yield* Sqlite.Sqlite
    const object = "json_object('userId', id, 'nickname', nickname, 'level', level, 'avatarUrl', avatar_url)"
    const byId = yield* sqlite.prepare(`select ${object} as body from users where id = ?`)
    const byIds = yield* sqlite.prepare(
      `select json_object('items', json_group_array(${object} order by asked.key)) as body
       from (select key, value from json_each(?)) as asked join users on users.id = asked.value`
    )
    return [
      {
        path: "/users/:userId",
        answer: ({ path: { userId } }) => {
          if (!Id.is(userId)) return Effect.succeed(Answer.badInput("userId", userId, Id.expected))
          return Effect.map(byId(userId), (row) => {
            const body = Sqlite.text(row, "body")
            return body === undefined ? noSuchUser : Answer.json(body)
          })
        }
      },
      {
        path: "/users",
        answer: ({ query }) => {
          const ids = Id.list(query["ids"])
          if (ids === undefined) return Effect.succeed(Answer.badInput("ids", query["ids"], Id.listExpected))
          return Effect.map(byIds(ids), (row) => Answer.json(Sqlite.text(row, "body") ?? none))
        }
      }
    ]
  }
)

const noSuchUser = Answer.error(404, "no such user")
const none = '{"items":[]}'
