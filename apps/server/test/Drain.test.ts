import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect, Fiber } from "effect"
import { answerWell, eventually, get, partsOf, pathOf } from "./fixture.ts"
import * as Process from "./process.ts"

/** Upstreams that answer when they are told to. */
const held = Effect.gen(function* () {
  const waiting: Array<() => void> = []
  let released = false
  const server = yield* ScriptedServer.make((socket, head) => {
    if (released) answerWell(socket, head)
    else waiting.push(() => answerWell(socket, head))
  })
  const release = () => {
    released = true
    for (const answer of waiting) answer()
  }
  const asked = (userId: string) => server.requests.some((head) => pathOf(head) === `/users/${userId}`)
  return { url: server.url, asked, release, open: server.open }
})

/** The service over held upstreams, and three entries that are under way in it. */
const underWay = (drain: string) =>
  Effect.gen(function* () {
    const upstream = yield* held
    const service = yield* Process.start({
      ...Process.upstreamsAt(upstream.url),
      ...Process.patient,
      PORTICO_DRAIN: drain
    })
    const url = yield* service.listening
    const userIds = ["2001", "2002", "2003"]
    const entries = yield* Effect.forEach(userIds, (userId) =>
      Effect.forkChild(Effect.result(get(`${url}/v1/rooms/1${userId}/entry`, { "x-user-id": userId })))
    )
    yield* eventually(() => userIds.every(upstream.asked), 5_000)
    return { upstream, service, url, entries }
  })

/** Waits until readiness says that the drain has begun. */
const drained = (url: string) =>
  Effect.flatMap(get(`${url}/health/ready`), ({ status }) =>
    status === 503 ? Effect.void : Effect.fail("ready")
  ).pipe(Effect.retry({ times: 500 }))

describe("leaving", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it.live(`${signal}: what is under way is answered, new work is refused, and the exit code is 0`, () =>
      Effect.gen(function* () {
        const { upstream, service, url, entries } = yield* underWay("20 seconds")
        assert.strictEqual((yield* get(`${url}/health/ready`)).status, 200)
        yield* service.signal(signal)
        yield* drained(url)

        const ready = yield* get(`${url}/health/ready`)
        assert.deepInclude(ready.body, { status: 503, _tag: "Draining" })
        assert.strictEqual((yield* get(`${url}/health/live`)).status, 200)
        const refused = yield* get(`${url}/v1/rooms/1001/entry`)
        assert.strictEqual(refused.status, 503)
        assert.strictEqual(refused.headers.get("content-type"), "application/problem+json")
        assert.strictEqual(refused.headers.get("retry-after"), "1")
        assert.strictEqual(refused.body["_tag"], "Draining")

        upstream.release()
        for (const entry of entries) {
          const answer = yield* Effect.fromResult(yield* Fiber.join(entry))
          assert.strictEqual(answer.status, 200)
          assert.deepStrictEqual(
            Object.values(partsOf(answer)).map((part) => part["status"]),
            ["ok", "ok", "ok", "ok", "ok"]
          )
        }
        const [millis, code] = yield* Process.took(service.ended)
        assert.strictEqual(code, 0)
        assert.isBelow(millis, 2_000)
        assert.strictEqual(service.errors(), "")
      })
    )
  }

  it.live("a drain ends at its limit, however long the work under way would take, with exit code 0", () =>
    Effect.gen(function* () {
      const { service, entries, upstream } = yield* underWay("700 millis")
      yield* service.signal("SIGTERM")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 0)
      assert.isAtLeast(millis, 600)
      assert.isBelow(millis, 1_700)
      for (const entry of entries) {
        const answer = yield* Effect.fromResult(yield* Fiber.join(entry))
        assert.strictEqual(answer.status, 503)
        assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
        assert.strictEqual(answer.headers.get("retry-after"), "1")
      }
      yield* eventually(() => upstream.open() === 0)
    })
  )

  it.live("a second signal ends it at once", () =>
    Effect.gen(function* () {
      const { service, url } = yield* underWay("20 seconds")
      yield* service.signal("SIGTERM")
      yield* drained(url)
      yield* service.signal("SIGINT")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 1)
      assert.isBelow(millis, 500)
    })
  )

  it.live("with nothing under way it is gone at once, whoever is connected", () =>
    Effect.gen(function* () {
      const { url: upstream } = yield* ScriptedServer.make(answerWell)
      const service = yield* Process.start(Process.upstreamsAt(upstream))
      const url = yield* service.listening
      const port = Number(new URL(url).port)
      // One that said nothing, one in the middle of a head, one that keeps an answered connection.
      const connections = [
        "",
        "GET /health/live HTTP/1.1\r\nhost: x\r\n",
        "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
      ]
      const sockets = yield* Effect.forEach(connections, (text) =>
        Effect.acquireRelease(
          Effect.sync(() =>
            net
              .connect(port, "127.0.0.1", function (this: net.Socket) {
                if (text !== "") this.write(text)
              })
              .on("error", () => {})
          ),
          (socket) => Effect.sync(() => socket.destroy())
        )
      )
      yield* eventually(() => sockets[2]!.bytesRead > 0)
      yield* service.signal("SIGTERM")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 0)
      assert.isBelow(millis, 1_500)
    })
  )
})
