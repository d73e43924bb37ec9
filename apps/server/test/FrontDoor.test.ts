import { assert, describe, it } from "@effect/vitest"
import { EventLoop } from "@portico/edge/EventLoop"
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
  it.live("whoever is refused is answered at once, and heard again at once", () =>
    Effect.gen(function* () {
      const { port } = yield* open(
        () => undefined,
        {},
        undefined,
        Layer.succeed(
          LoadShed,
          refusing(() => false)
        )
      )
      const { answers, seen, socket } = yield* client(port)
      for (const nth of [1, 2]) {
        socket.write(plain("1001/entry"))
        yield* eventually(() => answers().length === nth)
      }
      assert.notMatch(seen.text, /connection: close/i)
      assert.lengthOf(seen.text.match(/"_tag":"Overloaded"/g) ?? [], 2)
    })
  )

  it.live(
    "whoever is refused in a flood is answered, and heard again once the loop has come round: some in each turn",
    () =>
      Effect.gen(function* () {
        let turns: Array<() => void> = []
        const turn = () => {
          const due = turns
          turns = []
          for (const callback of due) callback()
        }
        const { port, heard, sockets } = yield* open(
          () => undefined,
          {},
          undefined,
          Layer.succeed(
            LoadShed,
            refusing(() => true)
          ),
          Layer.succeed(EventLoop, {
            afterTurn: (callback) => void turns.push(callback),
            isBehind: () => false,
            shorten: () => {}
          })
        )
        const clients = yield* Effect.forEach(Array.from({ length: 40 }), () => client(port))
        const answered = (times: number) => clients.filter(({ answers }) => answers().length === times).length
        const ask = Effect.sync(() => clients.forEach(({ socket }) => socket.write(plain("1001/entry"))))
        yield* ask
        yield* eventually(() => answered(1) === 40)
        yield* ask
        // The bytes are here, and nobody looks at them.
        yield* eventually(() => heard() === 2 * 40 * plain("1001/entry").length)
        assert.strictEqual(answered(1), 40)
        assert.lengthOf(turns, 1)
        // Who has left takes nobody's turn.
        for (const { socket } of clients.slice(0, 4)) socket.resetAndDestroy()
        yield* eventually(() => sockets.filter(({ destroyed }) => destroyed).length === 4)
        for (const expected of [16, 32, 36]) {
          turn()
          yield* eventually(() => answered(2) === expected)
        }
        assert.isTrue(clients.slice(4).every(({ seen }) => !seen.ended && !/connection: close/i.test(seen.text)))
      })
  )
})
