/** How connections that are read at the door come to their end, and what is done for them with it. */
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { answer, atOnce, client, listening, open, plain, said, waiting } from "./door.ts"
import { eventually } from "./fixture.ts"

describe("who leaves", () => {
  const leavings: Readonly<Record<string, (socket: net.Socket) => void>> = {
    "closes its socket": (socket) => socket.destroy(),
    "closes its half of the socket": (socket) => socket.end(),
    "resets its connection": (socket) => socket.resetAndDestroy()
  }
  for (const [how, leave] of Object.entries(leavings)) {
    it.live(`one that ${how} ends what is done for it, once, and is sent nothing`, () =>
      Effect.gen(function* () {
        const { inside, lane, stopped } = waiting()
        const { port, drain, shed } = yield* open(lane)
        const { seen, socket } = yield* client(port, { allowHalfOpen: true })
        socket.write(plain("1"))
        yield* eventually(() => inside.length === 1)
        assert.deepStrictEqual([drain.inFlight(), shed.inFlight()], [1, 1])
        leave(socket)
        yield* eventually(() => drain.inFlight() === 0)
        assert.deepStrictEqual(stopped, ["/v1/rooms/1"])
        assert.strictEqual(shed.inFlight(), 0)
        // Too late, and for nobody.
        answer(inside[0]!)
        let told: unknown
        inside[0]!.handOn((request, response) => {
          told = [request.method, request.url, request.headers, response.destroyed]
          response.end("late")
        })
        assert.deepStrictEqual(told, ["GET", "/v1/rooms/1", { host: "a" }, true])
        yield* Effect.sleep(10)
        assert.strictEqual(seen.text, "")
        assert.deepStrictEqual([drain.inFlight(), shed.inFlight()], [0, 0])
      })
    )

    it.live(`one that ${how} while the router answers is told of to the router`, () =>
      Effect.gen(function* () {
        let begun = 0
        let closed = 0
        const { port, drain } = yield* open(
          () => undefined,
          {},
          (_, response) => {
            begun++
            response.on("close", () => closed++)
          }
        )
        const { socket } = yield* client(port, { allowHalfOpen: true })
        socket.write(plain("1"))
        yield* eventually(() => begun === 1)
        leave(socket)
        yield* eventually(() => closed === 1 && drain.inFlight() === 0)
      })
    )
  }
})

describe("an end", () => {
  it.live("comes to who never asks, and to who asks no more; not to who waits for its answer", () =>
    Effect.gen(function* () {
      const { inside, lane } = waiting()
      const { port } = yield* open(lane, { headersTimeout: 200, requestTimeout: 1_000, keepAliveTimeout: 1 })
      const silent = yield* client(port)
      const slow = yield* client(port)
      slow.socket.write(plain("1"))
      yield* eventually(() => silent.seen.ended)
      yield* Effect.sleep(100)
      assert.isFalse(slow.seen.ended)
      answer(inside[0]!)
      yield* eventually(() => slow.answers().length === 1)
      const [stayed] = yield* Effect.timed(eventually(() => slow.seen.ended, 2_000))
      // The promised millisecond, and the second of grace.
      assert.isAbove(Duration.toMillis(stayed), 900)
    })
  )

  it.live("comes to an idle connection whose next request has come meanwhile, which is nobody's", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const { port, server } = yield* open((exchange) => {
        asked.push(exchange.url)
        return atOnce(exchange)
      })
      const idle = yield* client(port)
      idle.socket.write(plain("1"))
      yield* eventually(() => idle.answers().length === 1)
      // What is read first in a turn of the loop closes the server, and what is read next in it is the request.
      const closing = net.createServer(
        (socket) => void socket.on("error", () => {}).on("data", () => void server.close())
      )
      const { socket } = yield* client(yield* listening(closing))
      yield* Effect.callback<void>((resume) => void socket.once("connect", () => resume(Effect.void)))
      yield* Effect.sleep(20)
      socket.write("now")
      idle.socket.write(plain("2"))
      yield* eventually(() => idle.seen.closed)
      assert.deepStrictEqual(asked, ["/v1/rooms/1"])
    })
  )

  it.live("comes to idle connections when the server closes, and to busy ones with their answer", () =>
    Effect.gen(function* () {
      const { inside, lane } = waiting()
      const { port, server } = yield* open(lane)
      const fresh = yield* client(port)
      const used = yield* client(port)
      const busy = yield* client(port)
      const routed = yield* client(port)
      used.socket.write(plain("used"))
      yield* eventually(() => inside.length === 1)
      answer(inside[0]!)
      busy.socket.write(plain("busy"))
      routed.socket.write(plain("routed"))
      yield* eventually(() => inside.length === 3 && used.answers().length === 1)
      let isClosed = false
      server.close(() => (isClosed = true))
      yield* eventually(() => fresh.seen.ended && used.seen.ended)
      assert.isFalse(busy.seen.ended || routed.seen.ended || isClosed)
      answer(inside.find(({ url }) => url.endsWith("busy"))!)
      inside.find(({ url }) => url.endsWith("routed"))!.handOn((_, response) => void response.end("by the router"))
      yield* eventually(() => busy.seen.ended && routed.seen.ended)
      assert.deepStrictEqual([busy.answers(), routed.answers()], [[said("busy")], ["by the router"]])
      for (const { seen } of [busy, routed]) assert.match(seen.text, /\r\nconnection: close\r\n/i)
      yield* eventually(() => isClosed)
    })
  )
})
