/** Whether a server's answer is the entry that was asked for: a bench that measures error pages is a defect. */
import { Effect, Schema } from "effect"
import { names } from "./Upstreams.ts"
import type { Name } from "./Upstreams.ts"

const Part = Schema.Struct({
  status: Schema.String,
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  ms: Schema.Finite
})

const Entry = Schema.Struct({
  roomId: Schema.String,
  userId: Schema.String,
  parts: Schema.Struct({ version: Part, live: Part, user: Part, equity: Part, statistics: Part })
})

type Entry = typeof Entry.Type

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(Entry))

/** The field of each part that says whom it is about. */
const about: Readonly<Partial<Record<Name, "roomId" | "userId">>> = {
  live: "roomId",
  user: "userId",
  equity: "userId",
  statistics: "roomId"
}

const faultOf = (
  entry: Entry,
  asked: { readonly roomId: string; readonly userId: string },
  missing: ReadonlyArray<Name>
) => {
  if (entry.roomId !== asked.roomId || entry.userId !== asked.userId) return "an entry for someone else"
  for (const name of names) {
    const { status, data } = entry.parts[name]
    if (missing.includes(name)) {
      if (status === "ok") return `${name} is ok though its upstream fails`
      continue
    }
    const field = about[name]
    if (status !== "ok" || data === undefined) return `${name} is ${status}`
    if (field !== undefined && data[field] !== asked[field]) return `${name} is about someone else`
  }
  return undefined
}

let probes = 0

/** Enters a room once; answers what is wrong with the entry, or undefined. */
export const probe = (port: number, missing: ReadonlyArray<Name>, rooms = 0): Effect.Effect<string | undefined> =>
  Effect.tryPromise(async (signal) => {
    probes += 1
    const asked = { roomId: rooms === 0 ? `probe-${probes}` : "room0", userId: `prober-${probes}` }
    const url = `http://127.0.0.1:${port}/v1/rooms/${asked.roomId}/entry`
    const answer = await fetch(url, { headers: { "x-user-id": asked.userId }, signal })
    const body = await answer.text()
    return answer.status === 200
      ? faultOf(decode(body), asked, missing)
      : `status ${answer.status}: ${body.slice(0, 300)}`
  }).pipe(
    Effect.timeout("5 seconds"),
    Effect.catch((error) =>
      Effect.succeed(`no entry: ${error.cause instanceof Error ? error.cause.message : error.message}`)
    )
  )
