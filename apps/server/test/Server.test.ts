import * as http from "node:http"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as RoomApi from "@portico/room/RoomApi"
import { RoomId } from "@portico/room/RoomId"
import { UserId } from "@portico/room/UserId"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { FetchHttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { type Answer, answerWell, eventually, failing, get, partsOf, pathOf, serve } from "./fixture.ts"

describe("the page of the contract", () => {
  it.live("is whole for everybody, though whoever asked for it first has left", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const { port } = new URL(url)
      yield* Effect.callback<void>((resume) => {
        const socket = net.connect(Number(port), "127.0.0.1", () => {
          socket.write("GET /docs HTTP/1.1\r\nHost: portico\r\n\r\n", () => setTimeout(() => socket.destroy(), 5))
        })
        socket.on("close", () => resume(Effect.void))
      })
      for (let times = 0; times < 2; times++) {
        const page = yield* Effect.promise(() => fetch(`${url}/docs`).then((answer) => answer.text()))
        assert.include(page, "Scalar.createApiReference")
        assert.strictEqual(page.trimEnd().slice(-7), "</html>")
      }
    })
  )
})

describe("entering a room over HTTP", () => {
  for (const mode of ["failfast", "settle", "degrade", "serial"] as const) {
    it.live(`${mode}: a complete entry, which the contract's own client reads`, () =>
      Effect.gen(function* () {
        const { url } = yield* serve(answerWell)
        const client = yield* HttpApiClient.make(RoomApi.RoomApi, { baseUrl: url })
        const entry = yield* client.rooms.entry({
          params: { roomId: RoomId.make("1001") },
          query: { mode },
          headers: { "x-user-id": UserId.make("2001") }
        })
        const head: Array<unknown> = [entry.roomId, entry.userId, entry.mode, entry.complete]
        assert.deepStrictEqual(head, ["1001", "2001", mode, true])
        assert.deepStrictEqual(
          Object.values(entry.parts).map((part) => part.status),
          ["ok", "ok", "ok", "ok", "ok"]
        )
      }).pipe(Effect.provide(FetchHttpClient.layer))
    )
  }

  it.live("degrade: optional parts that fail are said so, equity has its fallback, and the entry succeeds", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(failing(/equity|statistics/, 503))
      const answer = yield* get(`${url}/v1/rooms/1001/entry`)
      const parts = partsOf(answer)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(answer.body["complete"], false)
      assert.strictEqual(parts["equity"]!["status"], "fallback")
      assert.deepInclude(parts["statistics"]!["error"], {
        _tag: "UpstreamError",
        reason: "Status",
        upstream: "statistics",
        status: 503
      })
      assert.match(answer.headers.get("server-timing") ?? "", /equity;dur=[\d.]+;desc="fallback"/)
    })
  )

  it.live(
    "Server-Timing says what was fetched, what was shared with whoever asked at once, and what was still fresh",
    () =>
      Effect.gen(function* () {
        const { url } = yield* serve((socket, head) => void setTimeout(() => answerWell(socket, head), 100))
        const how = (answer: Answer) =>
          Object.fromEntries(
            Array.from(
              (answer.headers.get("server-timing") ?? "").matchAll(/(\w+);dur=[\d.]+;desc="(\w+)"/g),
              ([, part, desc]) => [part, desc]
            )
          )
        const enter = (userId: string) => get(`${url}/v1/rooms/1001/entry`, { "x-user-id": userId })
        const own = { user: "fetched", equity: "fetched" }
        const both = yield* Effect.all([enter("1"), enter("2")], { concurrency: 2 })
        const shared = both.map(how).map(({ live, statistics, version }) => [live, statistics, version].join())
        assert.sameMembers(shared, ["fetched,fetched,fetched", "coalesced,coalesced,coalesced"])
        for (const one of both.map(how)) assert.deepInclude(one, own)
        assert.deepInclude(how(yield* enter("3")), { ...own, version: "cached", live: "cached" })
      })
  )

  it.live("a hanging required part is a 504 and a hanging optional part degrades, both within the deadline", () =>
    Effect.gen(function* () {
      const hang = (path: RegExp) =>
        serve((socket, head) => (path.test(pathOf(head)) ? undefined : answerWell(socket, head)))
      const required = yield* hang(/rooms\/1001$/)
      const before = performance.now()
      const { status, body, headers } = yield* get(`${required.url}/v1/rooms/1001/entry`)
      assert.isBelow(performance.now() - before, 700)
      assert.strictEqual(status, 504)
      assert.strictEqual(headers.get("content-type"), "application/problem+json")
      assert.deepInclude(body, { _tag: "UpstreamError", reason: "Timeout", upstream: "live" })
      const optional = yield* hang(/statistics/)
      const answer = yield* get(`${optional.url}/v1/rooms/1001/entry`, {
        "x-user-id": "2001",
        "x-envoy-expected-rq-timeout-ms": "200"
      })
      assert.strictEqual(answer.status, 200)
      assert.isFalse(answer.body["complete"])
    })
  )

  it.live("every bad input is a 400 problem, and nothing is fetched for it", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(answerWell)
      const bad = [
        "a%20b/entry",
        "a.b/entry",
        "a%2Fb/entry",
        "%zz/entry",
        "/entry",
        `${"x".repeat(65)}/entry`,
        "%E6%88%BF/entry"
      ]
      for (const path of [...bad, "1/entry?mode=fast", "1/entry?platform=tv", "1/entry?mode=settle&mode=serial"]) {
        const { status, headers, body } = yield* get(`${url}/v1/rooms/${path}`)
        assert.strictEqual(status, 400, path)
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
        assert.isString(body["requestId"])
      }
      assert.strictEqual((yield* get(`${url}/v1/rooms/1/entry`, { "x-user-id": "a/b" })).status, 400)
      assert.strictEqual(upstream.requests.length, 0)
    })
  )

  it.live("a client that leaves closes every upstream socket within 100 ms", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(() => {})
      const request = http.get(`${url}/v1/rooms/1001/entry`, { headers: { "x-user-id": "2001" } })
      request.on("error", () => {})
      yield* eventually(() => upstream.requests.length === 5)
      request.destroy()
      const left = performance.now()
      yield* eventually(() => upstream.open() === 0)
      assert.isBelow(performance.now() - left, 100)
    })
  )

  it.live("failfast closes the sockets of the other parts at the first failure", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve((socket, head) => {
        if (/equity/.test(pathOf(head))) ScriptedServer.answer(socket, 500, "", "connection: close\r\n")
      })
      const { status } = yield* get(`${url}/v1/rooms/1001/entry?mode=failfast`)
      assert.strictEqual(status, 502)
      yield* eventually(() => upstream.open() <= 1)
    })
  )

  it.live("malformed HTTP is refused, and the service goes on", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const { port } = new URL(url)
      const said = yield* Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            const socket = net.connect(Number(port), "127.0.0.1", () =>
              socket.write("GET / HTTP/9.9\r\nbad header\r\n\r\n")
            )
            let text = ""
            socket.on("data", (chunk) => (text += chunk.toString())).on("error", () => {})
            socket.on("close", () => resolve(text))
          })
      )
      assert.match(said, /^(HTTP\/1\.1 4\d\d|$)/)
      assert.strictEqual((yield* get(`${url}/v1/rooms/1001/entry`)).status, 200)
    })
  )
})
