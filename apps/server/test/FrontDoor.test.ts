import { assert, describe, it } from "@effect/vitest"
import { EventLoop } from "@portico/edge/EventLoop"
import { type Caller, entriesPerTurn, LoadShed, type Place } from "@portico/edge/LoadShed"
import { Effect, Layer } from "effect"
import type { Exchange } from "../src/Exchange.ts"
import { atOnce, client, open, plain } from "./door.ts"
import { eventually } from "./fixture.ts"

/** A line that does as `decide` says with each who comes. */
const line = (decide: (caller: Caller) => void) =>
  Layer.succeed(LoadShed, {
    limit: () => 0,
    inFlight: () => 0,
    waiting: () => 0,
    shed: () => 0,
    arrive: (caller) => {
      const place: Place = { state: "gone", caller: undefined, since: 0, usefulFor: 0 }
      decide(caller)
      return place
    },
    leave: () => {},
    admit: (entry) => entry
  })

const refuseAll = (caller: Caller) => caller.refuse()

/** A loop that comes round when the test says so; what is to be done then goes by its priority. */
const turned = () => {
  let turns: Array<readonly [priority: number, callback: () => void]> = []
  const layer = Layer.succeed(EventLoop, {
    afterTurn: (...what) => afterTurn(...what),
    isBehind: () => false,
    shorten: () => {}
  })
  const afterTurn = (callback: () => void, priority = 0) => void turns.push([priority, callback])
  const turn = () => {
    const due = turns.toSorted(([a], [b]) => a - b)
    turns = []
    for (const [, callback] of due) callback()
  }
  return { layer, afterTurn, turn, isTurning: () => turns.length > 0 }
}

describe("the door", () => {
  it.live("whoever is refused is answered, and heard again", () =>
    Effect.gen(function* () {
      const { drain, port } = yield* open(() => undefined, {}, undefined, line(refuseAll))
      const { answers, seen, socket } = yield* client(port)
      for (const nth of [1, 2]) {
        socket.write(plain("1001/entry"))
        yield* eventually(() => answers().length === nth)
      }
      assert.notMatch(seen.text, /connection: close/i)
      assert.lengthOf(seen.text.match(/"_tag":"Overloaded"/g) ?? [], 2)
      yield* eventually(() => drain.inFlight() === 0)
    })
  )

  it.live("whoever is refused is told by the end of a turn, in each turn some, and is under way until then", () =>
    Effect.gen(function* () {
      const loop = turned()
      const { drain, heard, port, sockets } = yield* open(() => undefined, {}, undefined, line(refuseAll), loop.layer)
      const clients = yield* Effect.forEach(Array.from({ length: 150 }), () => client(port))
      const told = () => clients.filter(({ answers }) => answers().length > 0).length
      for (const { socket } of clients) socket.write(plain("1001/entry"))
      yield* eventually(() => heard() === 150 * plain("1001/entry").length)
      yield* eventually(() => told() === 64)
      for (const { socket } of clients.slice(-10)) socket.resetAndDestroy()
      yield* eventually(() => sockets.filter(({ destroyed }) => destroyed).length === 10)
      for (const expected of [64, 128, 140]) {
        loop.turn()
        yield* eventually(() => told() === expected)
        assert.strictEqual(drain.inFlight(), 140 - expected)
      }
      assert.isFalse(loop.isTurning())
      assert.isTrue(clients.slice(0, 140).every(({ seen }) => !seen.ended && !/connection: close/i.test(seen.text)))
    })
  )

  const lettingIn = {
    "as it comes": (caller: Caller) => caller.enter(0),
    "after a while": (caller: Caller, loop: ReturnType<typeof turned>) => loop.afterTurn(() => caller.enter(1.5))
  }
  for (const [when, letIn] of Object.entries(lettingIn)) {
    it.live(`whoever is refused is told before anybody begins who is let in ${when}`, () =>
      Effect.gen(function* () {
        const loop = turned()
        const written: Array<ReadonlyArray<number>> = []
        const lane = (exchange: Exchange) => {
          written.push(sockets.map(({ bytesWritten }) => bytesWritten))
          return atOnce(exchange)
        }
        let come = 0
        const shed = line((caller) => (come++ === 0 ? letIn(caller, loop) : caller.refuse()))
        const { port, sockets } = yield* open(lane, {}, undefined, shed, loop.layer)
        const [first, refused] = [yield* client(port), yield* client(port)]
        for (const [nth, { socket }] of [first, refused].entries()) {
          socket.write(plain("1001/entry"))
          yield* eventually(() => come === nth + 1)
        }
        assert.isTrue(sockets.every(({ bytesWritten }) => bytesWritten === 0))
        loop.turn()
        yield* eventually(() => first.answers().length + refused.answers().length === 2)
        assert.lengthOf(written, 1)
        assert.strictEqual(written[0]?.filter((bytes) => bytes > 0).length, 1)
        assert.include(refused.seen.text, "Overloaded")
      })
    )
  }

  const realLine = LoadShed.layer({ maxInFlight: 2_048 }).pipe(Layer.provide(EventLoop.layer))

  it.live("what comes in a burst begins in the order in which it came, wherever the line begins", () =>
    Effect.gen(function* () {
      const begun: Array<string> = []
      const lane = (exchange: Exchange) => {
        begun.push(exchange.url.slice("/v1/rooms/".length))
        return atOnce(exchange)
      }
      const { port } = yield* open(lane, {}, undefined, realLine)
      const { answers, socket } = yield* client(port)
      const paths = Array.from({ length: entriesPerTurn + 4 }, (_, nth) => `${nth}/entry`)
      socket.write(paths.map(plain).join(""))
      yield* eventually(() => answers().length === paths.length)
      assert.deepStrictEqual(begun, paths)
    })
  )

  it.live("the line sees how long those take who began as they came", () =>
    Effect.gen(function* () {
      const lane = (exchange: Exchange) => {
        const until = performance.now() + 1
        while (performance.now() < until);
        return atOnce(exchange)
      }
      const { port, shed } = yield* open(lane, {}, undefined, realLine)
      const { answers, socket } = yield* client(port)
      const burst = Array.from({ length: entriesPerTurn + 4 }, () => plain("1/entry")).join("")
      for (let nth = 1; nth <= 60; nth++) {
        socket.write(burst)
        yield* eventually(() => answers().length === nth * (entriesPerTurn + 4))
      }
      // A second has room for a thousand.
      assert.isBelow(shed.limit(), 1_000)
    })
  )

  it.live("who leaves before the end of the turn does not begin", () =>
    Effect.gen(function* () {
      const loop = turned()
      let begun = 0
      const lane = (exchange: Exchange) => {
        begun++
        return atOnce(exchange)
      }
      let come = 0
      const shed = line((caller) => {
        come++
        caller.enter(0)
      })
      const { drain, port } = yield* open(lane, {}, undefined, shed, loop.layer)
      const [stays, leaves] = [yield* client(port), yield* client(port)]
      for (const [nth, { socket }] of [stays, leaves].entries()) {
        socket.write(plain("1001/entry"))
        yield* eventually(() => come === nth + 1)
      }
      assert.strictEqual(drain.inFlight(), 2)
      leaves.socket.destroy()
      yield* eventually(() => drain.inFlight() === 1)
      loop.turn()
      yield* eventually(() => stays.answers().length === 1)
      yield* eventually(() => drain.inFlight() === 0)
      assert.strictEqual(begun, 1)
    })
  )
})
