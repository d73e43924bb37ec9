/** The pool on real sockets, against a peer that breaks off, in every phase. */
import type { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect, Schema } from "effect"
import { Http1Pool } from "../src/internal/Http1Pool.ts"
import { type Sent, answered, ask, mute, poolOf, respond, send, settle } from "./Http1Asking.ts"
import { portOf, until } from "./Sockets.ts"

describe("a connection that breaks", () => {
  const begun = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"
  const unending = "HTTP/1.1 200 OK\r\n\r\nall of it"
  const chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n"

  for (const [phase, text] of Object.entries({
    "before the answer": "",
    "within the head": "HTTP/1.1 200 OK\r\ncontent-le",
    "within a body of a length": begun,
    "within a chunked body": chunks,
    "within a body that ends with the connection": unending
  })) {
    it.live(`with a reset ${phase} fails each request once`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make((socket) => {
          socket.write(text)
          setTimeout(() => socket.resetAndDestroy(), 20)
        })
        const pool = yield* poolOf(server.url)
        const sent = Array.from({ length: 10 }, () => send(pool))
        for (const why of yield* Effect.forEach(sent, answered)) assert.strictEqual(why, "ECONNRESET")
        yield* settle
        for (const { outcomes } of sent) assert.strictEqual(outcomes.length, 1)
        assert.strictEqual(server.requests.length, 10)
      })
    )

    it.live(`with an end ${phase} ${text === unending ? "is a whole answer" : "fails each request once"}`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make((socket) => void socket.end(text))
        const pool = yield* poolOf(server.url)
        const sent = Array.from({ length: 10 }, () => send(pool))
        const expected = text === unending ? "all of it" : "closed"
        for (const why of yield* Effect.forEach(sent, answered)) assert.strictEqual(why, expected)
        yield* until(() => server.open() === 0)
        assert.strictEqual(server.requests.length, 10)
      })
    )
  }

  it.live("with a reset as soon as it is there fails each request once", () =>
    Effect.gen(function* () {
      const { server } = yield* mute
      server.on("connection", (socket) => socket.resetAndDestroy())
      const pool = yield* poolOf(new URL(`http://127.0.0.1:${portOf(server)}`))
      const sent = Array.from({ length: 10 }, () => send(pool))
      for (const why of yield* Effect.forEach(sent, answered)) assert.oneOf(why, ["ECONNRESET", "EPIPE", "closed"])
      yield* settle
      for (const { outcomes } of sent) assert.strictEqual(outcomes.length, 1)
    })
  )

  it.live("what is not HTTP, or too much, fails the request and closes it", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket) => void socket.write("SSH-2.0-OpenSSH_9.6\r\n"))
      const pool = yield* poolOf(server.url)
      assert.strictEqual(yield* ask(pool), "malformed")
      yield* server.become((socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n"))
      assert.strictEqual(yield* ask(pool), "too large")
      yield* until(() => server.open() === 0)
    })
  )
})

describe("a connection that closes as a request goes into it", () => {
  /** Answers the first request of each connection, and does to the second what it is told. */
  const onSecond = (close: (socket: Socket) => void) => {
    const seen = new Set<Socket>()
    return (socket: Socket, head: string) => {
      if (seen.has(socket)) return close(socket)
      seen.add(socket)
      respond(socket, head.split(" ")[1] ?? "")
    }
  }

  for (const [how, close] of Object.entries({
    "an end": (socket: Socket): void => void socket.end(),
    "a reset": (socket: Socket): void => void socket.resetAndDestroy()
  })) {
    it.live(`with ${how}: the request is sent once more on a new one, if it may be`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make(onSecond(close))
        const pool = yield* poolOf(server.url)
        assert.strictEqual(yield* ask(pool, "/1"), "/1")
        assert.strictEqual(yield* ask(pool, "/2"), "/2")
        assert.deepStrictEqual(
          server.requests.map((head) => head.split(" ")[1]),
          ["/1", "/2", "/2"]
        )
        assert.oneOf(yield* ask(pool, "/3", false), ["closed", "ECONNRESET"])
        assert.strictEqual(server.requests.length, 4)
      })
    )
  }

  it.live("many at once are each sent once more", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(onSecond((socket) => void socket.end()))
      const pool = yield* poolOf(server.url)
      yield* Effect.forEach(
        Array.from({ length: 20 }, () => send(pool)),
        answered
      )
      const again = Array.from({ length: 20 }, (_, nth) => send(pool, `/${nth}`))
      assert.deepStrictEqual(
        yield* Effect.forEach(again, answered),
        again.map((_, nth) => `/${nth}`)
      )
    })
  )

  it.live("it is not sent a third time", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket) => void respond(socket, "ok"))
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      yield* server.become((socket) => void socket.end())
      assert.strictEqual(yield* ask(pool), "closed")
      assert.strictEqual(server.requests.length, 3)
    })
  )

  it.live("it is not sent again after a byte of the answer", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(onSecond((socket) => void socket.end("H")))
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      assert.strictEqual(yield* ask(pool), "closed")
      assert.strictEqual(server.requests.length, 2)
    })
  )

  it.live("it is not heard of again where it was ended meanwhile", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket) => void respond(socket, "ok"))
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      let closed = 0
      yield* server.become((socket) => {
        if (closed++ === 0) socket.end()
      })
      const request = send(pool)
      yield* until(() => server.requests.length === 3)
      request.end()
      yield* until(() => server.open() === 0)
      assert.deepStrictEqual(request.outcomes, [])
    })
  )
})

describe("whatever a peer does, and whoever leaves", () => {
  // Mostly well.
  const Turn = Schema.Literals([
    "answer",
    "answer",
    "answer",
    "slowly",
    "and close",
    "close after",
    "surplus",
    "later",
    "nothing",
    "half",
    "end",
    "reset",
    "garbage"
  ])
  const misbehave = (turn: typeof Turn.Type, socket: Socket, path: string) => {
    const answer = `HTTP/1.1 200 OK\r\ncontent-length: ${path.length}\r\n\r\n${path}`
    if (turn === "answer") socket.write(answer)
    if (turn === "slowly") {
      socket.write(answer.slice(0, 20))
      setTimeout(() => socket.write(answer.slice(20)), 2)
    }
    if (turn === "and close") socket.end(answer.replace("\r\n", "\r\nconnection: close\r\n"))
    if (turn === "close after") socket.end(answer)
    if (turn === "surplus") socket.write(`${answer}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong`)
    if (turn === "later") {
      socket.write(answer)
      setTimeout(() => socket.resetAndDestroy(), 2)
    }
    if (turn === "half") socket.end(answer.slice(0, -1))
    if (turn === "end") socket.end()
    if (turn === "reset") socket.resetAndDestroy()
    if (turn === "garbage") socket.write("garbage")
  }

  it.live.prop(
    "no request gets another's answer or two outcomes, and no connection is left",
    {
      turns: Schema.NonEmptyArray(Turn),
      asks: Schema.Array(
        Schema.Struct({
          idempotent: Schema.Boolean,
          pause: Schema.Boolean,
          leaves: Schema.Literals(["not", "not", "at once", "soon"])
        })
      )
    },
    ({ turns, asks }) =>
      Effect.gen(function* () {
        let nth = 0
        const server = yield* ScriptedServer.make((socket, head) =>
          misbehave(turns[nth++ % turns.length] ?? turns[0], socket, head.split(" ")[1] ?? "")
        )
        const pool = new Http1Pool({ origin: server.url, maxBody: 100_000 })
        const sent: Array<Sent> = []
        for (const [nth, { idempotent, pause, leaves }] of asks.entries()) {
          const request = send(pool, `/${nth}`, idempotent)
          sent.push(request)
          if (leaves === "at once") request.end()
          if (pause) yield* Effect.sleep("2 millis")
          if (leaves === "soon") request.end()
        }
        yield* Effect.sleep("8 millis")
        pool.destroy()
        yield* until(() => server.open() === 0)
        for (const [nth, { outcomes }] of sent.entries()) {
          if (asks[nth]?.leaves === "not") assert.strictEqual(outcomes.length, 1)
          else assert.isAtMost(outcomes.length, asks[nth]?.leaves === "soon" ? 1 : 0)
          for (const outcome of outcomes) {
            if (typeof outcome === "object" && "status" in outcome) assert.strictEqual(outcome.body, `/${nth}`)
          }
        }
      }),
    { arbitrary: { runs: 60 } }
  )
})
