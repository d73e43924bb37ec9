/** The pool on real sockets: which connection carries what, and when each is closed. */
import type { Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { Http1Pool } from "../src/internal/Http1Pool.ts"
import { answered, ask, mute, naming, poolOf, respond, said, send, settle, Told } from "./Http1Asking.ts"
import { portOf, until } from "./Sockets.ts"

describe("connections", () => {
  it.live("one carries one request after another", () =>
    Effect.gen(function* () {
      const { script } = naming()
      const pool = yield* poolOf((yield* ScriptedServer.make(script)).url)
      for (const path of ["/a", "/b", "/c"]) assert.strictEqual(yield* ask(pool, path), `1 ${path}`)
    })
  )

  it.live("as many are opened as there are requests at once, and each request gets its own answer", () =>
    Effect.gen(function* () {
      const { script, sockets } = naming()
      const pool = yield* poolOf((yield* ScriptedServer.make(script)).url)
      const sent = Array.from({ length: 20 }, (_, nth) => send(pool, `/${nth}`))
      const bodies = yield* Effect.forEach(sent, answered)
      assert.deepStrictEqual(
        bodies.map((body) => body.split(" ")[1]),
        sent.map((_, nth) => `/${nth}`)
      )
      assert.isAtMost(sockets.length, 20)
      assert.strictEqual(new Set(bodies.map((body) => body.split(" ")[0])).size, sockets.length)
    })
  )

  it.live("the one used last is taken first, so that the others can go", () =>
    Effect.gen(function* () {
      const { script, sockets, nth } = naming()
      const held: Array<Socket> = []
      const server = yield* ScriptedServer.make((socket) => {
        nth(socket)
        held.push(socket)
      })
      const pool = yield* poolOf(server.url)
      const sent = [send(pool), send(pool), send(pool)]
      yield* until(() => held.length === 3)
      yield* server.become(script)
      for (const last of [2, 0, 1]) {
        respond(sockets[last]!, "")
        yield* until(() => sent.filter(({ outcomes }) => outcomes.length === 1).length === [2, 0, 1].indexOf(last) + 1)
      }
      for (const path of ["/a", "/b"]) assert.strictEqual(yield* ask(pool, path), `2 ${path}`)
    })
  )

  it.live("one that the peer closes while it is idle is not used again", () =>
    Effect.gen(function* () {
      const { script, sockets } = naming()
      const server = yield* ScriptedServer.make(script)
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      sockets[0]?.end()
      yield* until(() => server.open() === 0)
      assert.strictEqual(yield* ask(pool, "/again"), "2 /again")
      sockets[1]?.resetAndDestroy()
      yield* settle
      assert.strictEqual(yield* ask(pool, "/again", false), "3 /again")
    })
  )

  it.live("an idle one is closed a second before the peer says that it would", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(
        (socket) => void respond(socket, "ok", "keep-alive: max=9, timeout=2\r\n")
      )
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      yield* Effect.sleep("500 millis")
      assert.strictEqual(server.open(), 1)
      yield* until(() => server.open() === 0)
    })
  )

  for (const headers of ["keep-alive: timeout=1\r\n", "keep-alive: timeout=0\r\n", "connection: close\r\n"]) {
    it.live(`one is closed at once after ${JSON.stringify(headers.trim())}`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make((socket) => void respond(socket, "ok", headers))
        const pool = yield* poolOf(server.url)
        assert.strictEqual(yield* ask(pool), "ok")
        yield* until(() => server.open() === 0)
        assert.strictEqual(yield* ask(pool), "ok")
      })
    )
  }

  it.live("bytes after an answer close it, and are nobody's answer", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket, head) => {
        const answer = (body: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`
        socket.write(answer(`true ${head.split(" ")[1]}`) + answer("false"))
      })
      const pool = yield* poolOf(server.url)
      for (const path of ["/a", "/b", "/c"]) assert.strictEqual(yield* ask(pool, path), `true ${path}`)
      yield* until(() => server.open() === 0)
    })
  )

  it.live("a byte on an idle one closes it, and so does a whole answer that nobody asked for", () =>
    Effect.gen(function* () {
      const { script, sockets } = naming()
      const server = yield* ScriptedServer.make(script)
      const pool = yield* poolOf(server.url)
      yield* ask(pool)
      sockets[0]?.write("x")
      yield* until(() => server.open() === 0)
      assert.strictEqual(yield* ask(pool, "/b"), "2 /b")
      respond(sockets[1]!, "false")
      yield* until(() => server.open() === 0)
      assert.strictEqual(yield* ask(pool, "/c"), "3 /c")
    })
  )
})

describe("a connection that is not there", () => {
  it.live("that is refused fails each of many that wait, once", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make("refuse")
      const pool = yield* poolOf(server.url)
      const sent = Array.from({ length: 50 }, () => send(pool))
      for (const nth of [3, 10, 49]) sent[nth]?.end()
      yield* until(() => sent.filter(({ outcomes }) => outcomes.length === 1).length === 47)
      yield* settle
      for (const [nth, { outcomes }] of sent.entries()) {
        if ([3, 10, 49].includes(nth)) assert.deepStrictEqual(outcomes, [])
        else assert.strictEqual(said(outcomes), "ECONNREFUSED")
      }
    })
  )

  it.live("that never comes about fails each of many that wait, once, after a while", () =>
    Effect.gen(function* () {
      const { server } = yield* mute
      const pool = yield* poolOf(new URL(`https://127.0.0.1:${portOf(server)}`), 100)
      const sent = Array.from({ length: 20 }, () => send(pool))
      for (const why of yield* Effect.forEach(sent, answered)) assert.strictEqual(why, "connect timeout")
      yield* settle
      for (const { outcomes } of sent) assert.strictEqual(outcomes.length, 1)
    })
  )

  it.live("is given up with the request that it was opened for", () =>
    Effect.gen(function* () {
      const { server, sockets } = yield* mute
      const pool = yield* poolOf(new URL(`https://127.0.0.1:${portOf(server)}`))
      const sent = Array.from({ length: 10 }, () => send(pool))
      yield* until(() => sockets.size === 10)
      for (const { end } of sent.slice(0, 7)) end()
      yield* until(() => sockets.size === 3)
      for (const socket of sockets) socket.destroy()
      for (const request of sent.slice(7)) assert.oneOf(yield* answered(request), ["ECONNRESET", "closed"])
      for (const { end } of sent) end()
      yield* settle
      assert.deepStrictEqual(
        sent.map(({ outcomes }) => outcomes.length),
        [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
      )
    })
  )
})

describe("a request that is ended", () => {
  it.live("closes its connection at once, and hears nothing more", () =>
    Effect.gen(function* () {
      for (const text of ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe"]) {
        const server = yield* ScriptedServer.make((socket) => void socket.write(text))
        const pool = yield* poolOf(server.url)
        const request = send(pool)
        yield* until(() => server.requests.length === 1)
        yield* settle
        request.end()
        request.end()
        yield* until(() => server.open() === 0)
        assert.deepStrictEqual(request.outcomes, [])
      }
    })
  )

  it.live("before it has a connection is never sent, and leaves the others theirs", () =>
    Effect.gen(function* () {
      const { script } = naming()
      const server = yield* ScriptedServer.make(script)
      const pool = yield* poolOf(server.url)
      const [first, second, third] = [send(pool, "/1"), send(pool, "/2"), send(pool, "/3")]
      second.end()
      assert.match(yield* answered(first), / \/1$/)
      assert.match(yield* answered(third), / \/3$/)
      yield* settle
      assert.deepStrictEqual(second.outcomes, [])
      assert.strictEqual(server.requests.length, 2)
      assert.strictEqual(server.open(), 2)
    })
  )

  it.live("after its answer does no harm to whoever has its connection now", () =>
    Effect.gen(function* () {
      const { script } = naming()
      const pool = yield* poolOf((yield* ScriptedServer.make(script)).url)
      const first = send(pool, "/1")
      yield* answered(first)
      const second = send(pool, "/2")
      first.end()
      assert.strictEqual(yield* answered(second), "1 /2")
    })
  )
})

describe("the end of a pool", () => {
  it.live("fails what is under way and what waits, once, and whatever is sent later", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(() => {})
      const pool = new Http1Pool({ origin: server.url, maxBody: 100 })
      const underWay = [send(pool), send(pool)]
      yield* until(() => server.requests.length === 2)
      const waiting = [send(pool), send(pool)]
      pool.destroy()
      pool.destroy()
      const later = send(pool)
      yield* until(() => server.open() === 0)
      yield* settle
      for (const { outcomes } of [...underWay, ...waiting, later]) assert.strictEqual(said(outcomes), "closed")
    })
  )

  it.live("comes also where each failure asks again at once", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(() => {})
      const pool = new Http1Pool({ origin: server.url, maxBody: 100 })
      let failures = 0
      const again = () => {
        if (failures++ < 100) pool.send(persistent())
      }
      const persistent = () => new Told(pool, "GET / HTTP/1.1\r\n\r\n", undefined, true, again)
      pool.send(persistent())
      yield* until(() => server.requests.length === 1)
      pool.destroy()
      assert.strictEqual(failures, 101)
      yield* until(() => server.open() === 0)
    })
  )
})
