/** The service compiles its decoders as it runs (main.ts); what they take and refuse is what the interpreted ones do. */
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { get, good, partsOf, pathOf, serve, upstreamOf } from "./fixture.ts"
import * as Process from "./process.ts"

type Json = Record<string, unknown>

/** What can be wrong, or odd, with an answer: by its upstream, what is changed of a good one. */
const changes: Readonly<Record<string, ReadonlyArray<(answer: Json) => Json>>> = {
  live: [
    (room) => ({ ...room, more: { of: "it" } }),
    (room) => ({ ...room, status: "asleep" }),
    ({ title: _, ...room }) => room,
    (room) => ({ ...room, streams: [{ protocol: "hls", quality: "a", url: "b", more: 1 }] }),
    (room) => ({ ...room, streams: [{ protocol: "carrier pigeon", quality: "a", url: "b" }] })
  ],
  user: [
    (user) => ({ ...user, level: 1.5 }),
    (user) => ({ ...user, level: "1" }),
    (user) => ({ ...user, nickname: null }),
    (user) => ({ ...user, __proto__: null, toString: 1 })
  ],
  equity: [
    (equity) => ({ ...equity, badges: ["a", 1] }),
    (equity) => ({ ...equity, vip: 1 }),
    (equity) => ({ ...equity, coins: -1 }),
    () => ({})
  ],
  statistics: [
    (statistics) => ({ ...statistics, viewers: -1 }),
    (statistics) => ({ ...statistics, likes: 1e300 }),
    (statistics) => ({ ...statistics, gifts: undefined })
  ]
}

/** Answers well but for the upstream and change that the room's id and the user's say: `live-2`. */
const changed: ScriptedServer.Script = (socket, head) => {
  const name = upstreamOf(head)
  const answer = good(pathOf(head))
  const [, which = ""] = new RegExp(`/${name}-(\\d+)`).exec(pathOf(head)) ?? []
  const change = which === "" ? undefined : changes[name]?.[Number(which)]
  ScriptedServer.answer(socket, 200, change === undefined ? answer : JSON.stringify(change(JSON.parse(answer) as Json)))
}

const cases = Object.entries(changes).flatMap(([name, all]) => all.map((_, index) => `${name}-${index}`))

describe("decoders that are compiled", () => {
  it.live("take what the interpreted take, and refuse what they refuse", () =>
    Effect.gen(function* () {
      const interpreted = yield* serve(changed)
      const upstream = yield* ScriptedServer.make(changed)
      const service = yield* Process.start(Process.upstreamsAt(upstream.url))
      const compiled = yield* service.listening
      const ends = new Set<string>()
      for (const id of cases) {
        const parts = (url: string) =>
          Effect.map(get(`${url}/v1/rooms/${id}/entry?mode=settle`, { "x-user-id": id }), (answer) =>
            Object.entries(partsOf(answer)).map(([name, { status, data, error }]) => ({ name, status, data, error }))
          )
        const expected = yield* parts(interpreted.url)
        assert.deepStrictEqual(yield* parts(compiled), expected, id)
        const part = expected.find(({ name }) => id.startsWith(name))
        ends.add(`${String(part?.status)} ${String((part?.error as Json | undefined)?.["reason"])}`)
      }
      assert.deepStrictEqual(Array.from(ends).sort(), ["failed Payload", "ok undefined"])
    })
  )
})
