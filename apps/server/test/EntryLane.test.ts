import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Equity } from "@portico/room/Equity"
import { Live, type LiveRoom } from "@portico/room/Live"
import { RoomId } from "@portico/room/RoomId"
import { Statistics } from "@portico/room/Statistics"
import { User } from "@portico/room/User"
import { UserId } from "@portico/room/UserId"
import { Version } from "@portico/room/Version"
import { Context, Duration, Effect, Fiber, Layer, Schedule } from "effect"
import { HttpServer } from "effect/http"
import * as Server from "../src/Server.ts"
import { type Answer, answerWell, eventually, failing, get, partsOf, serve } from "./fixture.ts"

/** The same entry by its two ways: a plain path is for the lane, one that needs decoding for the router. */
const lane = "/v1/rooms/1001/entry"
const route = "/v1/rooms/%31001/entry"

const headersOf = ({ status, headers }: Answer) => {
  const timing = (headers.get("server-timing") ?? "").replaceAll(/dur=[\d.]+/g, "dur=?")
  // What was still under way when one failed, and what was there, is not the same twice.
  const ends = status === 200 ? timing : timing.replaceAll(/"\w+"/g, "?")
  const all = Object.fromEntries(headers)
  return { ...all, "server-timing": ends, date: "?", "x-request-id": "?", "content-length": "?" }
}

const bodyOf = ({ body }: Answer) => ({
  ...body,
  requestId: "?",
  parts: Object.fromEntries(
    Object.entries((body["parts"] ?? {}) as Record<string, object>).map(([name, part]) => [name, { ...part, ms: "?" }])
  )
})

const countsOf = (url: string, mode: string) =>
  Effect.promise(async () => {
    const text = await (await fetch(`${url}/metrics`)).text()
    const lines = text.matchAll(/^entry_duration_seconds_count\{([^}]*)\} (\d+)$/gm)
    return Object.fromEntries(
      Array.from(lines, ([, labels = "", count]) => [/outcome="(\w+)"/.exec(labels)?.[1] ?? "", labels, Number(count)])
        .filter(([, labels]) => String(labels).includes(`mode="${mode}"`))
        .map(([outcome, , count]): [string, number] => [String(outcome), Number(count)])
    )
  })

describe("the lane", () => {
  for (const [what, script] of [
    ["all is well", answerWell],
    ["an optional part fails", failing(/statistics/, 503)],
    ["there is no such room", failing(/^\/rooms\/[^/]+$/, 404)],
    ["a required part fails", failing(/^\/users\/[^/]+$/, 500)]
  ] as const) {
    for (const query of ["", "?mode=failfast", "?mode=settle&platform=ios", "?mode=serial", "?mode=nonsense"]) {
      it.live(`${query === "" ? "no query" : query}, ${what}: answers as the route does`, () =>
        Effect.gen(function* () {
          // Each on a service of its own: what one has learnt would answer the other.
          const [one, other] = [yield* serve(script), yield* serve(script)]
          const inLane = yield* get(`${one.url}${lane}${query}`)
          const onRoute = yield* get(`${other.url}${route}${query}`)
          assert.strictEqual(inLane.status, onRoute.status)
          assert.deepStrictEqual(headersOf(inLane), headersOf(onRoute))
          assert.deepStrictEqual(bodyOf(inLane), bodyOf(onRoute))
        })
      )
    }
  }

  it.live("the body has the length that the head says, whatever is in it", () =>
    Effect.gen(function* () {
      const title = "さよなら, émile 🎤"
      const { url } = yield* serve((socket, head) =>
        head.startsWith("GET /rooms/1001 ")
          ? socket.write(
              answer({
                roomId: "1001",
                title,
                status: "live",
                anchorId: "a",
                coverUrl: "c",
                startedAt: null,
                streams: []
              })
            )
          : answerWell(socket, head)
      )
      const entry = yield* get(`${url}${lane}`)
      assert.deepInclude(partsOf(entry)["live"]!["data"], { title })
    })
  )

  it.live("an error keeps the id under which the upstreams were asked, and the time that each part took", () =>
    Effect.gen(function* () {
      const { url, upstream } = yield* serve(failing(/^\/users\/[^/]+$/, 500))
      const { status, headers, body } = yield* get(`${url}${lane}`)
      assert.strictEqual(status, 502)
      const asked = new Set(upstream.requests.map((head) => /x-request-id: (\S+)/i.exec(head)?.[1]))
      assert.deepStrictEqual(Array.from(asked), [headers.get("x-request-id")!])
      assert.strictEqual(body["requestId"], headers.get("x-request-id"))
      assert.match(headers.get("server-timing") ?? "", /user;dur=[\d.]+;desc="failed"/)
    })
  )

  it.live("an entry is counted once, however it ends", () =>
    Effect.gen(function* () {
      const before = yield* Effect.flatMap(serve(answerWell), ({ url }) => countsOf(url, "settle"))
      const failedBefore = yield* Effect.flatMap(serve(answerWell), ({ url }) => countsOf(url, "failfast"))
      const good = yield* serve(answerWell)
      yield* get(`${good.url}${lane}?mode=settle`)
      const broken = yield* serve(failing(/statistics/, 500))
      yield* get(`${broken.url}${lane}?mode=settle`)
      const absent = yield* serve(failing(/^\/rooms\/[^/]+$/, 404))
      yield* get(`${absent.url}${lane}?mode=failfast`)
      const hanging = yield* serve(() => {})
      const socket = net.connect(Number(new URL(hanging.url).port), "127.0.0.1")
      socket.on("error", () => {}).write(`GET ${lane}?mode=settle HTTP/1.1\r\nHost: a\r\n\r\n`)
      yield* eventually(() => hanging.upstream.requests.length === 3)
      socket.destroy()
      const counts = Effect.map(countsOf(good.url, "settle"), (after) =>
        Object.fromEntries(
          Object.entries(after).flatMap(([outcome, count]) => {
            const more = count - (before[outcome] ?? 0)
            return more === 0 ? [] : [[outcome, more]]
          })
        )
      )
      yield* Effect.repeat(counts, { until: ({ left }) => left === 1, schedule: Schedule.spaced(10), times: 100 })
      yield* Effect.sleep(50)
      assert.deepStrictEqual(yield* counts, { complete: 1, partial: 1, left: 1 })
      const failed = yield* countsOf(good.url, "failfast")
      assert.strictEqual((failed["RoomNotFound"] ?? 0) - (failedBefore["RoomNotFound"] ?? 0), 1)
    })
  )

  it.live(
    "a GET with a body is for the router: its client has the answer, and what it sends is not read without end",
    () =>
      Effect.gen(function* () {
        const { url } = yield* serve(answerWell)
        const heads = ["content-length: 1000000000", "transfer-encoding: chunked"]
        for (const head of heads) {
          const seen = { text: "", ended: false }
          const socket = yield* Effect.acquireRelease(
            Effect.sync(() => net.connect({ port: Number(new URL(url).port), host: "127.0.0.1" })),
            (made) => Effect.sync(() => made.destroy())
          )
          socket.on("error", () => {}).on("close", () => (seen.ended = true))
          socket.on("data", (chunk) => (seen.text += String(chunk)))
          socket.write(`GET ${lane} HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`)
          const pump = () => {
            while (socket.writable && socket.write(`4000\r\n${"x".repeat(0x4000)}\r\n`));
          }
          socket.on("drain", pump)
          pump()
          yield* eventually(() => seen.ended, 5_000)
          assert.match(seen.text, /^HTTP\/1\.1 200 /)
          assert.match(seen.text, /"complete":true/)
        }
      })
  )

  it.live("what breaks as it is written is a defect like any other, and nothing of it is left under way", () =>
    Effect.gen(function* () {
      const room: LiveRoom = {
        roomId: RoomId.make("1001"),
        get title(): string {
          throw new Error("a bug")
        },
        status: "live",
        anchorId: UserId.make("a"),
        coverUrl: "c",
        startedAt: null,
        streams: []
      }
      const version = { latest: "2", minimum: "1", features: [] }
      const context = yield* Layer.build(
        Server.layer({ host: "127.0.0.1", port: 0, entryDeadline: Duration.seconds(1), drain: Duration.zero }).pipe(
          Layer.provide(
            Layer.mergeAll(
              Version.layerFake(() => Effect.succeed(version)),
              Live.layerFake(() => Effect.succeed(room)),
              User.layerFake(() => Effect.never),
              Equity.layerFake(() => Effect.never),
              Statistics.layerFake(() => Effect.succeed({ roomId: room.roomId, viewers: 1, likes: 2, gifts: 3 }))
            )
          )
        )
      )
      const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
      for (const way of [lane, route]) {
        const { body, status } = yield* get(`${url}${way}`, {})
        assert.deepStrictEqual([status, body["_tag"]], [500, "InternalServerError"])
      }
      const metrics = yield* Effect.promise(async () => (await fetch(`${url}/metrics`)).text())
      assert.match(metrics, /^edge_in_flight 0$/m)
    })
  )

  it.live("what is in it when the service closes is answered, however long an upstream takes to end", () =>
    Effect.gen(function* () {
      const slowToEnd = Effect.onInterrupt(Effect.never, () => Effect.sleep("400 millis"))
      const answer = yield* Effect.scoped(
        Effect.gen(function* () {
          const context = yield* Layer.build(
            Server.layer({
              host: "127.0.0.1",
              port: 0,
              entryDeadline: Duration.seconds(20),
              drain: Duration.millis(50)
            }).pipe(
              Layer.provide(
                Layer.mergeAll(
                  Version.layerFake(() => Effect.never),
                  Live.layerFake(() => slowToEnd),
                  User.layerFake(() => Effect.never),
                  Equity.layerFake(() => Effect.never),
                  Statistics.layerFake(() => Effect.never)
                )
              )
            )
          )
          const url = HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
          const entry = yield* Effect.forkDetach(get(`${url}${lane}`))
          yield* Effect.sleep("100 millis")
          return entry
        })
      ).pipe(Effect.flatMap(Fiber.join), Effect.timeout("5 seconds"))
      assert.strictEqual(answer.status, 503)
      assert.strictEqual(answer.headers.get("retry-after"), "1")
    })
  )
})

/** What an upstream sends, whose length is that of its bytes. */
const answer = (body: object) => {
  const text = JSON.stringify(body)
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`
}
