/** The wire over HTTP/1.1 on real sockets: what goes out, and what comes back. */
import * as Http from "node:http"
import { createServer, isIPv6 } from "node:net"
import { networkInterfaces } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as Faults from "@portico/testing/Faults"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import type { Request, Response } from "../src/Transport.ts"
import { listening, until } from "./Sockets.ts"
import { connect, get, post, send, sendAnew, why } from "./TransportAsking.ts"

/** Answers with what was asked. */
const echo: Http.RequestListener = (request, response) => {
  const parts: Array<Buffer> = []
  request.on("data", (part: Buffer) => parts.push(part))
  request.on("end", () => {
    const { method, url, headers } = request
    response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(parts).toString("utf8") }))
  })
}

const parsed = ({ body }: Response): { method: string; url: string; headers: Http.IncomingHttpHeaders; body: string } =>
  JSON.parse(body)

const healthy = Faults.healthy((path) => path)
const hasIPv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => isIPv6(address))
)

describe("what goes out", () => {
  it.live("is the request as it stands, with the host and nothing that was not asked for", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(healthy)
      const wire = yield* connect(server.url)
      yield* get(wire, "/a?b=c%20d", ["accept", "x", "tabbed", "a\tb \xe9", "empty", ""])
      assert.deepStrictEqual(server.requests, [
        [
          "GET /a?b=c%20d HTTP/1.1",
          `host: ${server.url.host}`,
          "connection: keep-alive",
          "accept: x",
          "tabbed: a\tb \xe9",
          "empty: "
        ].join("\r\n")
      ])
    })
  )

  it.live("is made anew where it goes out once more, since the connection closed as it went in", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const { port } = yield* listening(() => {
        return createServer((socket) => {
          let isFirst = true
          socket.on("data", (bytes) => {
            heard.push(bytes.toString("latin1"))
            if (isFirst) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            else socket.end()
            isFirst = false
          })
        })
      })
      const wire = yield* connect(new URL(`http://127.0.0.1:${port}/api`))
      let looks = 0
      const request = (): Request => {
        looks++
        return { method: "GET", path: "/x", headers: ["look", String(looks)], body: "y".repeat(looks) }
      }
      yield* sendAnew(wire, { request })
      assert.strictEqual((yield* sendAnew(wire, { request })).body, "ok")
      const sent = (look: number) =>
        [
          "GET /api/x HTTP/1.1",
          `host: 127.0.0.1:${port}`,
          "connection: keep-alive",
          `look: ${look}`,
          `content-length: ${look}`,
          "",
          "y".repeat(look)
        ].join("\r\n")
      assert.deepStrictEqual(heard, [sent(1), sent(2), sent(3)])
    })
  )

  it.live("goes below the path of the base URL, with a slash at its end or without", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(healthy)
      for (const [base, path] of [
        ["", "/x"],
        ["/", "/x"],
        ["/api", "/api/x"],
        ["/api/v1/?key=1", "/api/v1/x"],
        ["/%C3%A9 b", "/%C3%A9%20b/x"]
      ] as const) {
        const wire = yield* connect(new URL(base, server.url))
        assert.strictEqual((yield* get(wire, "/x")).body, path)
      }
    })
  )

  it.live("is a body of any size and in any script, whole", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() => Http.createServer(echo))
      const wire = yield* connect(new URL(`http://localhost:${port}`))
      for (const body of ["", "{}", "ü🎁\ud800", "日本".repeat(40_000)]) {
        const { headers, ...rest } = parsed(yield* post(wire, "/", body))
        assert.deepStrictEqual(rest, { method: "POST", url: "/", body: body.toWellFormed() })
        assert.strictEqual(headers["content-length"], String(Buffer.byteLength(body)))
        assert.strictEqual(headers.host, `localhost:${port}`)
      }
      assert.strictEqual(
        parsed(yield* send(wire, { method: "POST", path: "/", headers: [] })).headers["content-length"],
        "0"
      )
    })
  )

  it.live(
    "is no more of a body than the peer waits for: an early answer is taken, and its connection not used again",
    () =>
      Effect.gen(function* () {
        const ports = new Set<number | undefined>()
        const { port } = yield* listening(() =>
          Http.createServer((request, response) => {
            ports.add(request.socket.remotePort)
            request.pause()
            response.end("enough")
          })
        )
        const wire = yield* connect(new URL(`http://127.0.0.1:${port}`))
        for (let nth = 1; nth <= 3; nth++) {
          assert.strictEqual((yield* post(wire, "/", "x".repeat(20_000_000))).body, "enough")
          assert.strictEqual(ports.size, nth)
        }
      })
  )

  it.live.skipIf(!hasIPv6)("names an IPv6 host in brackets", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() => Http.createServer(echo), "::1")
      const wire = yield* connect(new URL(`http://[::1]:${port}`))
      assert.strictEqual(parsed(yield* get(wire, "/")).headers.host, `[::1]:${port}`)
    })
  )

  const unsafe: Readonly<Record<string, Pick<Request, "path" | "headers">>> = {
    "a line break in a value": { path: "/", headers: ["a", "1\r\nb: 2"] },
    "a line feed in a value": { path: "/", headers: ["a", "1\nb: 2"] },
    "a carriage return in a value": { path: "/", headers: ["a", "1\rb: 2"] },
    "a NUL in a value": { path: "/", headers: ["a", "\0"] },
    "what would become a line break in a value": { path: "/", headers: ["a", "1\u010d\u010ab: 2"] },
    "what Latin 1 has not in a value": { path: "/", headers: ["a", "🎁"] },
    "a line break in a name": { path: "/", headers: ["a: 1\r\nb", "2"] },
    "a space in a name": { path: "/", headers: ["a b", "2"] },
    "no name": { path: "/", headers: ["", "2"] },
    "a name without a value": { path: "/", headers: ["a"] },
    "a line break in the path": { path: "/ HTTP/1.1\r\na: 1\r\n\r\nGET /", headers: [] },
    "a space in the path": { path: "/a b", headers: [] },
    "what would become a line break in the path": { path: "/\u010d\u010a", headers: [] },
    "a path that is not encoded": { path: "/ü", headers: [] },
    "a fragment in the path": { path: "/a#b", headers: [] },
    "a path that names another host": { path: "http://elsewhere.example/", headers: [] },
    "a path without a slash": { path: "a", headers: [] },
    "an empty path": { path: "", headers: [] }
  }
  for (const [name, request] of Object.entries(unsafe)) {
    it.live(`is nothing at all where there is ${name}`, () =>
      Effect.gen(function* () {
        const server = yield* ScriptedServer.make(healthy)
        const wire = yield* connect(server.url)
        assert.strictEqual(yield* why(send(wire, { method: "GET", ...request })), "Rejected")
        assert.strictEqual((yield* get(wire, "/good")).body, "/good")
        assert.strictEqual(server.requests.length, 1)
      })
    )
  }
})

describe("what comes back", () => {
  it.live("is one reason for each way to fail", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make("refuse")
      const wire = yield* connect(server.url)
      assert.strictEqual(yield* why(get(wire, "/")), "Unreachable: refused")
      for (const [fault, reason] of [
        ["reset before the head", "Unreachable: reset"],
        ["reset within the body", "Unreachable: reset"],
        ["not HTTP", "Unreachable: not HTTP"],
        ["endless body", "Payload: over the size limit"]
      ] as const) {
        yield* server.become(Faults.all[fault])
        assert.strictEqual(yield* why(get(wire, "/")), reason)
      }
      const nowhere = yield* connect(new URL("http://nowhere.invalid"))
      assert.strictEqual(yield* why(get(nowhere, "/")), "Unreachable: dns")
    })
  )

  it.live("is the answer to each of a thousand requests at once, and no socket is left", () =>
    Effect.gen(function* () {
      const sockets = () => process.getActiveResourcesInfo().filter((name) => /TCPSocket|TLS|Connect/.test(name)).length
      yield* Effect.scoped(
        Effect.gen(function* () {
          const server = yield* ScriptedServer.make(healthy)
          const wire = yield* connect(server.url)
          for (let round = 0; round < 2; round++) {
            const answers = yield* Effect.forEach(
              Array.from({ length: 1_000 }, (_, nth) => `/${round}/${nth}`),
              (path) => Effect.map(get(wire, path), ({ body }) => assert.strictEqual(body, path)),
              { concurrency: "unbounded" }
            )
            assert.strictEqual(answers.length, 1_000)
          }
          assert.isAtMost(server.open(), 1_000)
        })
      )
      yield* until(() => sockets() === 0)
    })
  )

  it.live("is nothing where most of a thousand requests are ended, each at another moment", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(healthy)
      const wire = yield* connect(server.url)
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 1_000 }, (_, nth) => nth),
        (nth) => Effect.timeoutOption(get(wire, `/${nth}`), nth % 3 === 0 ? "10 seconds" : nth % 20),
        { concurrency: "unbounded" }
      )
      for (const [nth, outcome] of outcomes.entries()) {
        if (outcome._tag === "Some") assert.strictEqual(outcome.value.body, `/${nth}`)
        else assert.notStrictEqual(nth % 3, 0)
      }
    })
  )
})
