import { assert, describe, it } from "@effect/vitest"
import { LoadShed, type Place } from "@portico/edge/LoadShed"
import { Effect, Layer } from "effect"
import { client, open, plain } from "./door.ts"
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

describe("the door", () => {
  it.live("whoever is refused keeps its connection, and loses it in a flood: with the answer that it was owed", () =>
    Effect.gen(function* () {
      let flood = false
      const { port } = yield* open(
        () => undefined,
        {},
        undefined,
        Layer.succeed(
          LoadShed,
          refusing(() => flood)
        )
      )
      const { seen, socket } = yield* client(port)
      const answers = () => seen.text.split("HTTP/1.1 503").length - 1
      const ask = Effect.sync(() => void socket.write(plain("1001/entry")))

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
