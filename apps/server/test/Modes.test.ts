import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { answerWell, failing, get, good, partsOf, pathOf, request, serve, upstreamOf } from "./fixture.ts"

const entry = "/v1/rooms/1001/entry"

/** One room that there is not, one user that there is not, and nothing granted: by the one upstream that knows. */
const noRoom = /^\/rooms\/1001$/
const noUser = /^\/users\/2001$/
const noEquity = /equity/
const noStatistics = /statistics/

const statuses = (parts: Record<string, Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part["status"]]))

const ok = { version: "ok", live: "ok", user: "ok", equity: "ok", statistics: "ok" }

describe("what is not found", () => {
  for (const mode of ["degrade", "failfast", "serial"] as const) {
    for (const [path, tag, detail] of [
      [noRoom, "RoomNotFound", "There is no such room."],
      [noUser, "UserNotFound", "There is no such user."]
    ] as const) {
      it.live(
        `${mode}: a required part's ${tag} is a 404 problem, asked for once and without an upstream to blame`,
        () =>
          Effect.gen(function* () {
            const { url, upstream } = yield* serve(failing(path, 404))
            const answer = yield* get(`${url}${entry}?mode=${mode}`)
            assert.strictEqual(answer.status, 404)
            assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
            const { requestId, ...problem } = answer.body
            assert.deepStrictEqual(problem, { type: "about:blank", title: "Not Found", status: 404, detail, _tag: tag })
            assert.strictEqual(requestId, answer.headers.get("x-request-id"))
            assert.strictEqual(upstream.requests.filter((head) => path.test(pathOf(head))).length, 1)
          })
      )
    }
  }

  it.live("failfast: also the statistics' RoomNotFound ends the entry; degrade: it is that part's error", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(failing(noStatistics, 404))
      const fast = yield* get(`${url}${entry}?mode=failfast`)
      assert.deepStrictEqual([fast.status, fast.body["_tag"]], [404, "RoomNotFound"])
      const degraded = yield* get(`${url}${entry}?mode=degrade`)
      assert.strictEqual(degraded.status, 200)
      assert.isFalse(degraded.body["complete"])
      assert.deepStrictEqual(statuses(partsOf(degraded)), { ...ok, statistics: "failed" })
      assert.deepInclude(partsOf(degraded)["statistics"]!["error"], { _tag: "RoomNotFound" })
    })
  )

  it.live("settle: it is the failed part's error, and the others go on", () =>
    Effect.gen(function* () {
      const nothing = new RegExp(`${noRoom.source}|${noUser.source}|${noStatistics.source}`)
      const { url } = yield* serve(failing(nothing, 404))
      const answer = yield* get(`${url}${entry}?mode=settle`)
      assert.strictEqual(answer.status, 200)
      assert.isFalse(answer.body["complete"])
      const parts = partsOf(answer)
      assert.deepStrictEqual(statuses(parts), { ...ok, live: "failed", user: "failed", statistics: "failed" })
      assert.deepInclude(parts["live"]!["error"], { _tag: "RoomNotFound" })
      assert.deepInclude(parts["user"]!["error"], { _tag: "UserNotFound" })
      assert.deepInclude(parts["statistics"]!["error"], { _tag: "RoomNotFound" })
    })
  )

  for (const mode of ["degrade", "failfast", "settle", "serial"] as const) {
    it.live(`${mode}: an equity of 404 is no error: nothing is granted, and the part is ok`, () =>
      Effect.gen(function* () {
        const { url } = yield* serve(failing(noEquity, 404))
        const answer = yield* get(`${url}${entry}?mode=${mode}`)
        assert.strictEqual(answer.status, 200)
        assert.isTrue(answer.body["complete"])
        const { status, data } = partsOf(answer)["equity"]!
        assert.strictEqual(status, "ok")
        assert.deepStrictEqual(data, { userId: "2001", vip: false, badges: [], coins: 0, privileges: [] })
      })
    )
  }

  it.live("settle: all five may fail, and the answer is still a 200 that says why", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(failing(/./, 500))
      const answer = yield* get(`${url}${entry}?mode=settle`)
      assert.strictEqual(answer.status, 200)
      for (const [name, part] of Object.entries(partsOf(answer))) {
        assert.strictEqual(part["status"], "failed", name)
        assert.deepInclude(part["error"], { _tag: "UpstreamError", reason: "Status", upstream: name, status: 500 })
      }
    })
  )
})

describe("a guest", () => {
  for (const mode of ["degrade", "failfast", "settle", "serial"] as const) {
    it.live(`${mode}: enters without user and equity, which are not asked for`, () =>
      Effect.gen(function* () {
        const { url, upstream } = yield* serve(answerWell)
        const answer = yield* get(`${url}${entry}?mode=${mode}`, {})
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(answer.body["userId"], null)
        assert.isTrue(answer.body["complete"])
        assert.deepStrictEqual(statuses(partsOf(answer)), { ...ok, user: "skipped", equity: "skipped" })
        assert.deepStrictEqual(upstream.requests.map(upstreamOf).sort(), ["live", "statistics", "version"])
        assert.match(answer.headers.get("server-timing") ?? "", /user;dur=[\d.]+;desc="skipped"/)
      })
    )
  }
})

describe("serial", () => {
  it.live("asks for one part after the other, each when the one before has answered", () =>
    Effect.gen(function* () {
      let pending = 0
      let most = 0
      const { url, upstream } = yield* serve((socket, head) => {
        most = Math.max(most, ++pending)
        setTimeout(() => {
          pending--
          ScriptedServer.answer(socket, 200, good(pathOf(head)))
        }, 20)
      })
      const answer = yield* get(`${url}${entry}?mode=serial`)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(most, 1)
      assert.deepStrictEqual(upstream.requests.map(upstreamOf), ["version", "live", "user", "equity", "statistics"])
    })
  )

  it.live("the first failure ends it, and nothing after it is asked for", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(failing(noUser, 404))
      assert.strictEqual((yield* get(`${url}${entry}?mode=serial`)).status, 404)
      assert.deepStrictEqual(upstream.requests.map(upstreamOf), ["version", "live", "user"])
    })
  )
})

describe("the HTTP around an entry", () => {
  it.live("HEAD is answered like GET, without the body", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(answerWell)
      const answer = yield* request(`${url}${entry}`, { method: "HEAD", headers: { "x-user-id": "2001" } })
      assert.strictEqual(answer.status, 200)
      assert.deepStrictEqual(answer.body, {})
      assert.strictEqual(answer.headers.get("content-type"), "application/json")
      assert.strictEqual(answer.headers.get("cache-control"), "private, no-store")
      assert.isAbove(Number(answer.headers.get("content-length")), 100)
      assert.strictEqual(upstream.requests.length, 5)
    })
  )

  for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
    it.live(`${method} is a 405 problem that says what is allowed, and fetches nothing`, () =>
      Effect.gen(function* () {
        const { url, upstream } = yield* serve(answerWell)
        const answer = yield* request(`${url}${entry}`, { method })
        assert.strictEqual(answer.status, 405)
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
        assert.strictEqual(answer.headers.get("allow"), "GET, HEAD")
        assert.strictEqual(answer.body["_tag"], "MethodNotAllowed")
        assert.strictEqual(upstream.requests.length, 0)
      })
    )
  }

  it.live("an unknown path is a 404 problem with the request's id", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      for (const path of ["/", "/v1", "/v1/rooms/1001", "/v1/rooms/1001/entry/", "/V1/rooms/1001/entry", "/health"]) {
        const answer = yield* get(`${url}${path}x`, { "x-request-id": "mine" })
        assert.strictEqual(answer.status, 404, path)
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
        assert.deepInclude(answer.body, { status: 404, _tag: "NotFound", requestId: "mine" })
        assert.strictEqual(answer.headers.get("x-request-id"), "mine")
      }
    })
  )
})
