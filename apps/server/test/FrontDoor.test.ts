import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Drain from "@portico/edge/Drain"
import type { LoadShed, Place } from "@portico/edge/LoadShed"
import { Clock, Effect, Random } from "effect"
import * as FrontDoor from "../src/FrontDoor.ts"
import { eventually } from "./fixture.ts"

/** A line that refuses everybody, in a flood or not. */
const refusing = (inFlood: () => boolean): LoadShed["Service"] => ({
  limit: () => 0,
  inFlight: () => 0,
  waiting: () => 0,
  shed: () => 0,
  arrive: (caller) => {
    const place: Place = { state: "gone", caller: undefined, since: 0, usefulFor: 0 }
    caller.refuse(inFlood())
    return place
  },
  leave: () => {},
  admit: (entry) => entry
})

const doorTo = (shed: LoadShed["Service"]) =>
  Effect.gen(function* () {
    const drain = yield* Drain.Drain
    const random = yield* Random.Random
    const clock = yield* Clock.Clock
    const { server } = FrontDoor.make({}, { shed, drain, random, clock, guards: () => true, usefulFor: 1_000 })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () => Effect.sync(() => server.close().closeAllConnections())
    )
    const address = server.address()
    return typeof address === "object" ? (address?.port ?? 0) : 0
  }).pipe(Effect.provide(Drain.Drain.layer))

describe("the door", () => {
  it.live("whoever is refused keeps its connection, and loses it in a flood: with the answer that it was owed", () =>
    Effect.gen(function* () {
      let flood = false
      const port = yield* doorTo(refusing(() => flood))
      const seen = { text: "", ended: false }
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => connect(port, "127.0.0.1")),
        (socket) => Effect.sync(() => socket.destroy())
      )
      socket.on("data", (chunk) => (seen.text += String(chunk))).on("end", () => (seen.ended = true))
      const answers = () => seen.text.split("HTTP/1.1 503").length - 1
      const ask = Effect.sync(() => void socket.write("GET /v1/rooms/1001/entry HTTP/1.1\r\nHost: a\r\n\r\n"))

      yield* ask
      yield* eventually(() => answers() === 1)
      yield* ask
      yield* eventually(() => answers() === 2)
      assert.notMatch(seen.text, /connection: close/i)
      assert.isFalse(seen.ended)

      flood = true
      yield* ask
      yield* eventually(() => seen.ended)
      assert.strictEqual(answers(), 3)
      assert.lengthOf(seen.text.match(/connection: close/gi) ?? [], 1)
      assert.lengthOf(seen.text.match(/"_tag":"Overloaded"/g) ?? [], 3)
    })
  )
})
