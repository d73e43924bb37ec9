import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Schedule, Scope } from "effect"
import { answerWell, eventually, get, request, serve } from "./fixture.ts"

const entry = "/v1/rooms/1001/entry"

/** The service, full with the one entry that it has room for; its upstreams hang. */
const full = Effect.gen(function* () {
  const served = yield* serve(() => {}, { maxInFlight: 1 })
  const inside = yield* Effect.forkScoped(Effect.exit(get(`${served.url}${entry}`)))
  yield* eventually(() => served.upstream.requests.length === 5)
  return { ...served, inside }
})

/** A connection to write requests to by hand. */
const connectTo = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => connect({ port: Number(new URL(url).port), host: "127.0.0.1" }).on("error", () => {})),
    (socket) => Effect.sync(() => socket.destroy())
  )

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

  it.live("a HEAD is refused like a GET, without the body", () =>
    Effect.gen(function* () {
      const { url } = yield* full
      const id = { "x-request-id": "same" }
      const got = yield* get(`${url}${entry}`, id)
      const head = yield* request(`${url}${entry}`, { method: "HEAD", headers: id })
      assert.strictEqual(head.status, 503)
      assert.deepStrictEqual(head.body, {})
      for (const name of ["content-type", "cache-control", "retry-after", "x-request-id", "content-length"]) {
        assert.isNotNull(head.headers.get(name), name)
        assert.strictEqual(head.headers.get(name), got.headers.get(name))
      }
    })
  )

  it.live("who stood in line has what is left of its time, and tells the upstreams so", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(answerWell, { entryDeadline: Duration.millis(300) })
      // All at once, on one connection.
      const socket = yield* connectTo(url)
      socket.write(
        Array.from({ length: 300 }, (_, i) => `GET /v1/rooms/l${i}/entry HTTP/1.1\r\nHost: a\r\n\r\n`).join("")
      )
      let text = ""
      socket.on("data", (chunk) => (text += String(chunk)))
      const answered = () => text.match(/HTTP\/1\.1 /g)?.length ?? 0
      yield* eventually(() => answered() === 300, 3_000)
      const left = upstream.requests.flatMap((head) => {
        const given = /x-envoy-expected-rq-timeout-ms: (\d+)/i.exec(head)?.[1]
        return given === undefined || !head.includes("/statistics") ? [] : [Number(given)]
      })
      assert.isAtLeast(left.length, 4)
      // A tenth is kept back for the answer. Those at the front have all the rest, those behind have waited some of it.
      assert.isTrue(left.every((millis) => millis <= 270))
      assert.isAtLeast(Math.max(...left) - Math.min(...left), 10)
    })
  )

  it.live("requests that came before their predecessor was answered are forgotten when their connection ends", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(() => {}, { maxInFlight: 3 })
      const socket = yield* connectTo(url)
      socket.write(`GET ${entry} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(3))
      yield* eventually(() => upstream.requests.length >= 5)
      const inFlight = Effect.promise(async () => {
        const text = await (await fetch(`${url}/metrics`)).text()
        return Number(/^edge_in_flight (\d+)$/m.exec(text)?.[1])
      })
      assert.strictEqual(yield* inFlight, 3)
      socket.destroy()
      yield* Effect.repeat(inFlight, { until: (count) => count === 0, schedule: Schedule.spaced(10), times: 100 })
      assert.strictEqual(yield* inFlight, 0)
    })
  )

  it.live("many of them leave no listener each behind on their connection", () =>
    Effect.gen(function* () {
      const warnings: Array<string> = []
      const note = (warning: Error) => void warnings.push(warning.name)
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("warning", note)),
        () => Effect.sync(() => process.off("warning", note))
      )
      const { url } = yield* serve(answerWell)
      const socket = yield* connectTo(url)
      let text = ""
      socket.on("data", (chunk) => (text += String(chunk)))
      socket.write(`GET ${entry} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(40))
      yield* eventually(() => text.match(/HTTP\/1\.1 /g)?.length === 40)
      assert.deepStrictEqual(warnings, [])
    })
  )

  it.live("a drain waits for those in line", () =>
    Effect.gen(function* () {
      const begun = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const { url } = yield* serve(
        (connection, head) => {
          Deferred.doneUnsafe(begun, Exit.void)
          answerWell(connection, head)
        },
        { drain: Duration.seconds(5), entryDeadline: Duration.seconds(5) }
      ).pipe(Scope.provide(scope))
      const socket = yield* connectTo(url)
      let text = ""
      socket.on("data", (chunk) => (text += String(chunk)))
      const answered = () => text.match(/HTTP\/1\.1 200/g)?.length ?? 0
      socket.write(`GET ${entry} HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(300))
      yield* Deferred.await(begun)
      assert.isBelow(answered(), 150)
      yield* Scope.close(scope, Exit.void)
      yield* eventually(() => answered() === 300)
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
