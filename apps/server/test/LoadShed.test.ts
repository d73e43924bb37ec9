import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { answerWell, eventually, get, request, serve } from "./fixture.ts"

const entry = "/v1/rooms/1001/entry"

/** The service, full with the one entry that it has room for; its upstreams hang. */
const full = Effect.gen(function* () {
  const served = yield* serve(() => {}, { maxInFlight: 1 })
  const inside = yield* Effect.forkScoped(Effect.exit(get(`${served.url}${entry}`)))
  yield* eventually(() => served.upstream.requests.length === 5)
  return { ...served, inside }
})

describe("with too much to do", () => {
  it.live("an entry is a 503 problem at once that says when to come again, and nothing is fetched for it", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* full
      const { status, headers, body } = yield* get(`${url}${entry}`)
      assert.strictEqual(status, 503)
      assert.strictEqual(headers.get("content-type"), "application/problem+json")
      assert.strictEqual(headers.get("retry-after"), "1")
      assert.strictEqual(headers.get("cache-control"), "no-store")
      assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f]{32}$/)
      assert.deepStrictEqual(body, {
        type: "about:blank",
        title: "Service Unavailable",
        status: 503,
        detail: "The service has too much to do. Ask again.",
        _tag: "Overloaded",
        requestId: headers.get("x-request-id")
      })
      assert.strictEqual(upstream.requests.length, 5)
    })
  )

  it.live("whoever is turned away keeps the id that came with the request, unless it is not safe to log", () =>
    Effect.gen(function* () {
      const { url } = yield* full
      const known = yield* get(`${url}${entry}`, { "x-request-id": "from-the-client" })
      assert.strictEqual(known.headers.get("x-request-id"), "from-the-client")
      assert.strictEqual(known.body["requestId"], "from-the-client")
      const unsafe = yield* get(`${url}${entry}`, { "x-request-id": 'a"b' })
      assert.match(String(unsafe.body["requestId"]), /^[0-9a-f]{32}$/)
    })
  )

  it.live("the route refuses with the very answer of the door before it, which lets HEAD through", () =>
    Effect.gen(function* () {
      const { url } = yield* full
      const id = { "x-request-id": "same" }
      const atTheDoor = yield* get(`${url}${entry}`, id)
      const atTheRoute = yield* request(`${url}${entry}`, { method: "HEAD", headers: id })
      assert.strictEqual(atTheRoute.status, 503)
      // undici closes the connection after a HEAD, and a HEAD has no length here.
      for (const name of ["content-type", "cache-control", "retry-after", "x-request-id"]) {
        assert.isNotNull(atTheRoute.headers.get(name), name)
        assert.strictEqual(atTheRoute.headers.get(name), atTheDoor.headers.get(name))
      }
    })
  )

  it.live("health, documentation and what is no entry are answered as ever", () =>
    Effect.gen(function* () {
      const { url } = yield* full
      for (const path of ["/health/live", "/health/ready", "/openapi.json"]) {
        assert.strictEqual((yield* get(`${url}${path}`)).status, 200, path)
      }
      assert.strictEqual((yield* get(`${url}/nothing`)).status, 404)
      assert.strictEqual((yield* request(`${url}${entry}`, { method: "POST" })).status, 405)
    })
  )

  it.live("there is room again when the entry ends, and when its client leaves", () =>
    Effect.gen(function* () {
      let hang = true
      const { url, upstream } = yield* serve(
        (socket, head) => {
          if (!hang) answerWell(socket, head)
        },
        { maxInFlight: 1 }
      )
      const leaving = yield* Effect.forkScoped(Effect.exit(get(`${url}${entry}`)))
      yield* eventually(() => upstream.requests.length === 5)
      assert.strictEqual((yield* get(`${url}${entry}`)).status, 503)
      yield* Fiber.interrupt(leaving)
      yield* eventually(() => upstream.open() === 0)
      hang = false
      assert.strictEqual((yield* get(`${url}${entry}`)).status, 200)
      assert.strictEqual((yield* get(`${url}${entry}`)).status, 200)
    })
  )

  it.live("without a limit nobody is turned away", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell, { maxInFlight: Infinity })
      const answers = yield* Effect.all(
        Array.from({ length: 300 }, (_, i) => get(`${url}/v1/rooms/${i}/entry`)),
        { concurrency: "unbounded" }
      )
      assert.isTrue(answers.every(({ body }) => body["_tag"] !== "Overloaded"))
    })
  )
})
