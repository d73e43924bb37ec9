/** Decoders are compiled as the service runs: what they take, what they leave out, and what they refuse. */
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { get, good, partsOf, pathOf, serve, upstreamOf } from "./fixture.ts"

type Json = Record<string, unknown>

interface Case {
  readonly what: string
  /** What is other than in a good answer; undefined: left out. */
  readonly change: Json
  readonly isTaken: boolean
}

const stream = { protocol: "hls", quality: "a", url: "b" }

const cases: Readonly<Record<string, ReadonlyArray<Case>>> = {
  live: [
    { what: "more than is known", change: { more: { of: "it" } }, isTaken: true },
    { what: "more within a list", change: { streams: [{ ...stream, more: 1 }] }, isTaken: true },
    { what: "a status that there is not", change: { status: "asleep" }, isTaken: false },
    { what: "no title", change: { title: undefined }, isTaken: false },
    { what: "a stream of no protocol", change: { streams: [{ ...stream, protocol: "pigeon" }] }, isTaken: false }
  ],
  user: [
    { what: "text for a number", change: { level: "1" }, isTaken: false },
    { what: "half a level", change: { level: 1.5 }, isTaken: false },
    { what: "null for text", change: { nickname: null }, isTaken: false },
    { what: "names of Object's own", change: { toString: 1, constructor: {} }, isTaken: true }
  ],
  equity: [
    { what: "a number among texts", change: { badges: ["a", 1] }, isTaken: false },
    { what: "1 for true", change: { vip: 1 }, isTaken: false },
    { what: "another empty list", change: { badges: [] }, isTaken: true }
  ],
  statistics: [
    { what: "no likes", change: { likes: undefined }, isTaken: false },
    { what: "null", change: { viewers: null }, isTaken: false },
    { what: "zero", change: { gifts: 0 }, isTaken: true }
  ]
}

const paths: Readonly<Record<string, string>> = {
  live: "/rooms/1",
  user: "/users/1",
  equity: "/users/1/equity",
  statistics: "/rooms/1/statistics"
}

/** Answers well but for the upstream and case that the room's id and the user's say: `live-2`. */
const changed: ScriptedServer.Script = (socket, head) => {
  const name = upstreamOf(head)
  const answer = JSON.parse(good(pathOf(head))) as Json
  const [, which = ""] = new RegExp(`/${name}-(\\d+)`).exec(pathOf(head)) ?? []
  ScriptedServer.answer(socket, 200, JSON.stringify({ ...answer, ...cases[name]?.[Number(which)]?.change }))
}

describe("an upstream's answer", () => {
  for (const [name, all] of Object.entries(cases)) {
    it.live(`${name}: taken without what is not known of it, or refused as a whole`, () =>
      Effect.gen(function* () {
        const { url } = yield* serve(changed)
        const known = Object.keys(JSON.parse(good(paths[name] ?? "")) as Json)
        for (const [index, { what, isTaken }] of all.entries()) {
          const id = `${name}-${index}`
          const part = partsOf(yield* get(`${url}/v1/rooms/${id}/entry?mode=settle`, { "x-user-id": id }))[name]!
          if (isTaken) assert.deepStrictEqual(Object.keys(part["data"] as Json).sort(), known.sort(), what)
          else assert.deepInclude(part["error"] as Json, { _tag: "UpstreamError", reason: "Payload" }, what)
        }
      })
    )
  }
})
