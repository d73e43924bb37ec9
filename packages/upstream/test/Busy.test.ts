import { connect, createServer, type Server, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Backlog from "@portico/call/Backlog"
import * as Deadline from "@portico/call/Deadline"
import { Effect, Fiber, Layer, Schema } from "effect"
import * as Hedge from "../src/Hedge.ts"
import * as Path from "../src/Path.ts"
import { Transport } from "../src/Transport.ts"
import * as Upstream from "../src/Upstream.ts"
import { good, hedgeAlways, thingOver } from "./PlayedThing.ts"
import { fork } from "./Running.ts"

/** A connection to a peer that answers at once and then, as it is the same process, keeps the event loop busy. */
const answering = (text: string, busyMillis = 60) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly socket: Socket; readonly server: Server; readonly port: number }>((resume) => {
      const server = createServer((peer) => {
        peer
          .on("error", () => {})
          .on("data", () =>
            // At the end of a turn of the loop: the next one begins with the timers, and reads after them.
            setImmediate(() => {
              peer.write(text)
              const until = performance.now() + busyMillis
              while (performance.now() < until);
            })
          )
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" ? (address?.port ?? 0) : 0
        const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed({ socket, server, port })))
      })
    }),
    ({ socket, server }) =>
      Effect.callback<void>((resume) => {
        socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )

class Thing extends Upstream.Service<Thing>()("thing", {
  input: Schema.String,
  output: Schema.Struct({ name: Schema.String }),
  errors: []
}) {}

describe("a limit, in a process that is busy", () => {
  for (const [whose, timeout, budget] of [
    ["an attempt's", "100 millis", "5 seconds"],
    ["the caller's", "5 seconds", "100 millis"]
  ] as const) {
    it.live(`${whose}: an answer that is here already, and only waits to be read, was in time`, () =>
      Effect.gen(function* () {
        const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n"
        const { port } = yield* answering(`${head}{"name":"tea"}`, 250)
        const context = yield* Layer.build(
          Thing.layerHttp({
            baseUrl: new URL(`http://127.0.0.1:${port}`),
            request: (id) => Path.get`/things/${id}`,
            policies: { timeout }
          }).pipe(Layer.provide(Transport.layer))
        )
        const fetched = Thing.fetch("tea").pipe(Deadline.within(budget), Effect.provide(context))
        assert.deepStrictEqual(yield* fetched, { name: "tea" })
      })
    )
  }
})

describe("Hedge, in a process that is busy", () => {
  it.live("an answer that is here already, and only waits to be read, is no reason for a second attempt", () =>
    Effect.gen(function* () {
      let asked = 0
      let sent = 0
      const { socket } = yield* answering("answer")
      const hedge = Hedge.make({
        ...Hedge.defaults,
        floor: "20 millis",
        atLeast: 0,
        tail: 0,
        extra: 1,
        onHedge: (what) => (sent += what === "sent" ? 1 : 0)
      })
      const call = Effect.callback<string>((resume) => {
        asked++
        socket.once("data", (bytes) => resume(Effect.succeed(bytes.toString())))
        socket.write("question")
      })
      assert.strictEqual(yield* hedge(call), "answer")
      assert.deepStrictEqual({ asked, sent }, { asked: 1, sent: 0 })
    })
  )
})

describe("what is read, and waits to be gone on with", () => {
  /** So many things before it, each of which takes the process so long. */
  const behind = (count: number, millis: number) =>
    Effect.withFiber((fiber) =>
      Effect.sync(() => {
        const timekeeper = Alarm.timekeeper(fiber)
        const busy = (millis: number) => ({
          goOn: () => {
            const until = performance.now() + millis
            while (performance.now() < until);
          }
        })
        while (!Backlog.isBehind(timekeeper.clock)) Backlog.goOn(timekeeper, busy(Backlog.share))
        for (let each = 0; each < count; each++) Backlog.goOn(timekeeper, busy(millis))
      })
    )

  it.live("was in time, and is no reason for a second attempt, whenever its turn is", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, { timeout: "60 millis", hedge: hedgeAlways })
      yield* behind(10, 20)
      assert.deepStrictEqual(yield* fetch(1), { name: "a" })
      assert.strictEqual(exchanges.length, 1)
    })
  )

  it.live("was in time as well where it is here before the limit is seen to have passed", () =>
    Effect.gen(function* () {
      const slow = Effect.delay(good, "50 millis")
      const { fetch, exchanges } = yield* thingOver(() => slow, { timeout: "40 millis" })
      const fetching = yield* fork(fetch(1))
      yield* behind(10, 20)
      assert.deepStrictEqual(yield* Fiber.join(fetching), { name: "a" })
      assert.strictEqual(exchanges.length, 1)
    })
  )

  it.live("is let go of where nobody waits for it any longer", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => good, { freshFor: "1 minute" })
      yield* behind(3, 1)
      const left = yield* fork(fetch(1))
      assert.deepStrictEqual(
        exchanges.map(({ state }) => state),
        ["answered"]
      )
      yield* Fiber.interrupt(left)
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(yield* fetch(1), { name: "a" })
      // Not the answer of the call that was left.
      assert.strictEqual(exchanges.length, 2)
    })
  )
})
