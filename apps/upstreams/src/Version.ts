/** The version upstream: which app versions there are for a platform, and what the latest can do. */
import { Effect } from "effect"
import * as Answer from "./Answer.ts"
import type * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"

export const routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError, Sqlite.Sqlite> = Effect.gen(
  function* () {
    const sqlite = yield* Sqlite.Sqlite
    const byPlatform = yield* sqlite.prepare(
      `select json_object('latest', latest, 'minimum', minimum, 'features', json(features)) as body
       from versions where platform = ?`
    )
    return [
      {
        path: "/version",
        answer: ({ query: { platform } }) => {
          const unknown = Answer.badInput("platform", platform, "one of web, ios, android")
          if (typeof platform !== "string") return Effect.succeed(unknown)
          return Effect.map(byPlatform(platform), (row) => {
            const body = Sqlite.text(row, "body")
            return body === undefined ? unknown : Answer.json(body)
          })
        }
      }
    ]
  }
)
