/** Our wire beside undici, on the same answers: the same status, headers and body, or a failure of both. */
import * as Http from "node:http"
import { createServer, type Server } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Schema } from "effect"
import { Client } from "undici"
import { listening } from "./Sockets.ts"
import { connect, get } from "./TransportAsking.ts"

/** What came of one request; a failure is a failure, whatever its words. */
type Seen = { readonly status: number; readonly headers: Record<string, string>; readonly body: string } | "failed"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const byUs = (url: URL): Effect.Effect<Seen> =>
  Effect.gen(function* () {
    const exit = yield* Effect.exit(get(yield* connect(url), "/"))
    if (Exit.isFailure(exit)) return "failed"
    const { status, headers, body } = exit.value
    return { status, headers: { ...headers }, body }
  }).pipe(Effect.scoped)

const byUndici = (url: URL): Effect.Effect<Seen> =>
  Effect.promise(async (): Promise<Seen> => {
    const client = new Client(url)
    try {
      const { statusCode, headers, body } = await client.request({ method: "GET", path: "/" })
      const text = Buffer.from(await body.arrayBuffer()).toString("utf8")
      const joined = Object.entries(headers).map(([name, value]) => [name, [value].flat().map(trimmed).join(", ")])
      return { status: statusCode, headers: Object.fromEntries(joined), body: text }
    } catch {
      return "failed"
    } finally {
      await client.destroy()
    }
  })

/** undici keeps the spaces and tabs after a value, which are no part of it. */
const trimmed = (value = "") => value.replace(/[ \t]+$/, "")

/** What both see of a server that they ask at once. */
const both = (make: () => Server) =>
  Effect.gen(function* () {
    const { port } = yield* listening(make)
    const url = new URL(`http://127.0.0.1:${port}`)
    return yield* Effect.all({ ours: byUs(url), theirs: byUndici(url) }, { concurrency: "unbounded" })
  })

describe("our wire and undici see the same", () => {
  it.effect.prop(
    "in whatever a Node server answers",
    {
      status: Schema.Literals([200, 201, 204, 304, 400, 404, 429, 500, 503, 599]),
      reason: Schema.Literals(["", "OK", "Odd One"]),
      headers: Schema.Array(
        Schema.Tuple([
          Schema.Literals(["x-a", "X-B", "Retry-After", "Vary", "constructor"]),
          Schema.String.check(Schema.isPattern(/^[!-~\u00a1-\u00ff]{0,20}$/))
        ])
      ),
      parts: Schema.Array(Schema.String),
      length: Schema.Boolean,
      close: Schema.Boolean,
      hints: Schema.Boolean,
      trailer: Schema.Boolean
    },
    ({ status, reason, headers, parts, length, close, hints, trailer }) =>
      Effect.gen(function* () {
        const body = Buffer.from(parts.join(""), "utf8")
        const serve: Http.RequestListener = (_, response) => {
          response.sendDate = false
          if (hints) response.writeEarlyHints({ link: "</a>; rel=preload" })
          for (const [name, value] of headers) response.appendHeader(name, value)
          if (close) response.setHeader("connection", "close")
          const hasBody = status !== 204 && status !== 304
          if (length && hasBody) response.setHeader("content-length", body.length)
          else if (trailer && hasBody) response.setHeader("trailer", "x-sum")
          response.writeHead(status, reason)
          for (const part of parts) response.write(part)
          if (trailer && !length) response.addTrailers({ "x-sum": "1" })
          response.end()
        }
        const { ours, theirs } = yield* both(() => Http.createServer(serve))
        assert.deepStrictEqual(ours, theirs)
        assert.strictEqual(ours === "failed" ? ours : ours.status, status)
      }),
    { arbitrary: { runs: 60 } }
  )

  const raw = (text: string, cut: number) =>
    createServer((socket) => {
      socket.setNoDelay(true).on("error", () => socket.destroy())
      socket.once("data", () => {
        const bytes = Buffer.from(text, "latin1")
        socket.write(bytes.subarray(0, cut))
        setTimeout(() => socket.end(bytes.subarray(cut)), 2)
      })
    })

  const Line = Schema.Literals([
    "content-length: 5",
    "content-length: 6",
    "content-length: 5, 5",
    "content-length: +5",
    "content-length: 0x5",
    "content-length : 5",
    "transfer-encoding: chunked",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: chunked, gzip",
    "x: a",
    "x: \t b\t ",
    "x: \xe9",
    "connection: close",
    "connection: keep-alive",
    " folded",
    "no colon",
    "x: a\nb: 2",
    "x: a\rb: 2",
    "x: \0"
  ])

  it.effect.prop(
    "in what is almost HTTP, unless we are the stricter",
    {
      first: Schema.Literals([
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 204 ",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 101 Switch",
        // Not 100, which undici refuses where nobody asked for it, and HTTP says must be read.
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK",
        "garbage"
      ]),
      lines: Schema.Array(Line),
      body: Schema.Literals([
        "hello",
        "hello!",
        "hell",
        "",
        "5\r\nhello\r\n0\r\n\r\n",
        "5;a=b\r\nhello\r\n0\r\nt: 1\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "6\r\nhello\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n",
        "fffffffff\r\nhello\r\n0\r\n\r\n",
        "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
      ]),
      cut: between(1, 120)
    },
    ({ first, lines, body, cut }) =>
      Effect.gen(function* () {
        const text = [first, ...lines, "", body].join("\r\n")
        const { ours, theirs } = yield* both(() => raw(text, cut))
        if (ours !== "failed") assert.deepStrictEqual(ours, theirs)
      }),
    { arbitrary: { runs: 300 } }
  )
})
