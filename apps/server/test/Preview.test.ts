import * as http from "node:http"
import { assert, describe, it } from "@effect/vitest"
import * as RoomApi from "@portico/room/RoomApi"
import { RoomId } from "@portico/room/RoomId"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect, Fiber } from "effect"
import { FetchHttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { type Answer, answerWell, eventually, failing, get, pathOf, request, serve } from "./fixture.ts"

const preview = "/v1/rooms/preview"

const idsOf = (count: number, width = 1) =>
  Array.from({ length: count }, (_, index) => String(index + 1).padStart(width, "0"))

interface Room {
  readonly roomId: string
  readonly parts: Record<"live" | "statistics" | "anchor", Record<string, unknown>>
}

const roomsOf = ({ body }: Answer) => body["rooms"] as ReadonlyArray<Room>

/** How the parts of a room ended. */
const statusesOf = ({ parts: { live, statistics, anchor } }: Room) => [
  live["status"],
  statistics["status"],
  anchor["status"]
]

const ok = ["ok", "ok", "ok"]

describe("previewing rooms over HTTP", () => {
  it.live("the contract's own client gets the rooms in the order of its ids, each with all of its parts", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const client = yield* HttpApiClient.make(RoomApi.RoomApi, { baseUrl: url })
      const ids = ["1003", "1001", "1002"].map((id) => RoomId.make(id))
      const { complete, rooms } = yield* client.rooms.preview({ query: { ids }, headers: {} })
      assert.isTrue(complete)
      assert.deepStrictEqual(
        rooms.map(({ roomId }) => roomId),
        ids
      )
      for (const { roomId, parts } of rooms) {
        assert.deepInclude(parts.live, { status: "ok" })
        if (parts.live.status === "ok") assert.strictEqual(parts.live.data.roomId, roomId)
        if (parts.anchor.status === "ok") assert.strictEqual(parts.anchor.data.userId, "a")
        assert.deepStrictEqual([parts.statistics.status, parts.anchor.status], ["ok", "ok"])
      }
    }).pipe(Effect.provide(FetchHttpClient.layer))
  )

  it.live("is described in the OpenAPI document", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const { body } = yield* get(`${url}/openapi.json`)
      const operation = (body["paths"] as Record<string, Record<string, Record<string, unknown>>>)[preview]!["get"]!
      assert.deepStrictEqual(Object.keys(operation["responses"] as object).sort(), ["200", "400", "503"])
      const ids = (operation["parameters"] as ReadonlyArray<Record<string, unknown>>).find(({ name }) => name === "ids")
      assert.deepInclude(ids, { in: "query", required: true })
    })
  )

  it.live("50 rooms are an answer with headers that any client takes, however long the ids", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(answerWell)
      const ids = idsOf(50, 64)
      const answer = yield* get(`${url}${preview}?ids=${ids.join(",")}`)
      assert.strictEqual(answer.status, 200)
      assert.isTrue(answer.body["complete"])
      assert.deepStrictEqual(
        roomsOf(answer).map(({ roomId }) => roomId),
        ids
      )
      assert.strictEqual(answer.headers.get("cache-control"), "private, no-store")
      assert.isString(answer.headers.get("x-request-id"))
      assert.match(
        answer.headers.get("server-timing") ?? "",
        /^live;dur=[\d.]+;desc="50 fetched", statistics;dur=[\d.]+;desc="50 fetched", anchor;dur=[\d.]+;desc="[^"]*"$/
      )
      const asked = upstream.requests.map(pathOf)
      for (const id of ids) {
        assert.strictEqual(asked.filter((path) => path === `/rooms/${id}`).length, 1)
        assert.strictEqual(asked.filter((path) => path === `/rooms/${id}/statistics`).length, 1)
      }
    })
  )

  it.live("a room that does not exist is its own failed part, and the answer is a 200 with the others whole", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(failing(/^\/rooms\/2(\/|$)/, 404))
      const answer = yield* get(`${url}${preview}?ids=1,2,3`)
      assert.strictEqual(answer.status, 200)
      assert.isFalse(answer.body["complete"])
      assert.deepStrictEqual(roomsOf(answer).map(statusesOf), [ok, ["failed", "failed", "skipped"], ok])
      const error = { _tag: "RoomNotFound", message: "there is no such room" }
      const { live, statistics, anchor } = roomsOf(answer)[1]!.parts
      assert.deepStrictEqual([live["error"], statistics["error"]], [error, error])
      assert.deepStrictEqual(anchor, { status: "skipped", ms: 0 })
      assert.isTrue(upstream.requests.some((head) => pathOf(head) === "/rooms/2"))
      assert.match(answer.headers.get("server-timing") ?? "", /^live;dur=[\d.]+;desc="2 fetched, 1 failed", /)
    })
  )

  it.live("statistics that fail, and an anchor that is not found, are those parts' errors", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((socket, head) => {
        const path = pathOf(head)
        if (path.endsWith("/statistics")) return ScriptedServer.answer(socket, 400, "")
        return path.startsWith("/users/") ? ScriptedServer.answer(socket, 404, "") : answerWell(socket, head)
      })
      const answer = yield* get(`${url}${preview}?ids=1`)
      const { live, statistics, anchor } = roomsOf(answer)[0]!.parts
      assert.strictEqual(live["status"], "ok")
      assert.deepInclude(statistics["error"], { _tag: "UpstreamError", reason: "Status", status: 400 })
      assert.deepInclude(anchor["error"], { _tag: "UserNotFound" })
    })
  )

  it.live(
    "upstreams that hang cost what the caller grants, less the reserve, once, and everything is still answered",
    () =>
      Effect.gen(function* () {
        const { url, upstream } = yield* serve(() => {})
        const before = performance.now()
        const answer = yield* get(`${url}${preview}?ids=${idsOf(50).join(",")}`, {
          "x-envoy-expected-rq-timeout-ms": "200"
        })
        assert.isBelow(performance.now() - before, 600)
        assert.strictEqual(answer.status, 200)
        assert.strictEqual(roomsOf(answer).length, 50)
        for (const room of roomsOf(answer)) {
          assert.deepStrictEqual(statusesOf(room), ["failed", "failed", "skipped"])
          assert.deepInclude(room.parts.live["error"], {
            reason: "Timeout",
            message: "live did not answer before the deadline"
          })
        }
        // Two calls for each of 25 rooms: for the others there was no time left.
        assert.strictEqual(new Set(upstream.requests.map(pathOf)).size, 50)
        for (const head of upstream.requests) {
          const left = Number(/^x-envoy-expected-rq-timeout-ms: (\d+)$/m.exec(head)?.[1])
          assert.isTrue(left > 0 && left <= 180, `${left}`)
        }
        yield* eventually(() => upstream.open() === 0)
      })
  )

  it.live("a hanging room leaves the others whole", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((socket, head) =>
        pathOf(head) === "/rooms/7" ? undefined : answerWell(socket, head)
      )
      const answer = yield* get(`${url}${preview}?ids=${idsOf(30).join(",")}`)
      const statuses = roomsOf(answer).map(statusesOf)
      assert.deepStrictEqual(statuses.splice(6, 1), [["failed", "ok", "skipped"]])
      assert.isTrue(statuses.every((room) => room.join() === ok.join()))
    })
  )

  it.live("ids that are not 1 to 50 different room ids are a 400 problem, and nothing is fetched", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(answerWell)
      const bad = [
        "",
        "?",
        "?ids=",
        "?ids=,",
        "?ids=1,",
        "?ids=1,,2",
        "?ids=1,1",
        "?ids=1&ids=2",
        "?id=1",
        "?ids=a.b",
        "?ids=1+2",
        "?ids=a%2Fb",
        "?ids=%E6%88%BF",
        "?ids=%zz",
        `?ids=${"x".repeat(65)}`,
        `?ids=${idsOf(51).join(",")}`,
        `?ids=${idsOf(2_000).join(",")}`
      ]
      for (const query of bad) {
        const { status, headers, body } = yield* get(`${url}${preview}${query}`)
        assert.strictEqual(status, 400, query)
        assert.strictEqual(headers.get("content-type"), "application/problem+json")
        assert.deepInclude(body, { _tag: "BadRequest", title: "Bad Request" })
        assert.strictEqual(body["requestId"], headers.get("x-request-id"))
      }
      assert.strictEqual(upstream.requests.length, 0)
    })
  )

  it.live("other methods are a 405, and a room may be called preview", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        const { status, headers, body } = yield* request(`${url}${preview}?ids=1`, { method })
        assert.deepStrictEqual([status, headers.get("allow"), body["_tag"]], [405, "GET, HEAD", "MethodNotAllowed"])
      }
      const entry = yield* get(`${url}/v1/rooms/preview/entry`)
      assert.deepStrictEqual([entry.status, entry.body["roomId"]], [200, "preview"])
      assert.strictEqual((yield* get(`${url}${preview}?ids=preview`)).status, 200)
    })
  )

  it.live("a client that leaves closes every upstream socket, and the preview is counted as left", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(() => {})
      const asked = http.get(`${url}${preview}?ids=1,2,3`)
      asked.on("error", () => {})
      yield* eventually(() => upstream.requests.length === 6)
      asked.destroy()
      yield* eventually(() => upstream.open() === 0, 300)
      const metrics = yield* Effect.promise(() => fetch(`${url}/metrics`).then((answer) => answer.text()))
      assert.match(metrics, /^preview_duration_seconds_count\{(?=.*rooms="2-10")(?=.*outcome="left").*\} 1$/m)
    })
  )

  it.live("is refused while there is no room for it", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(() => {}, { maxInFlight: 1 })
      const first = yield* Effect.forkChild(get(`${url}${preview}?ids=1`))
      yield* eventually(() => upstream.requests.length === 2)
      const refused = yield* get(`${url}${preview}?ids=2`)
      assert.deepStrictEqual([refused.status, refused.body["_tag"]], [503, "Overloaded"])
      assert.isString(refused.headers.get("retry-after"))
      assert.strictEqual((yield* Fiber.join(first)).status, 200)
    })
  )
})
