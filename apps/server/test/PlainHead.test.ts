/** What is read here beside what Node's own parser reads of the same bytes. */
import * as http from "node:http"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as PlainHead from "../src/PlainHead.ts"

const entry = "GET /v1/rooms/1001/entry HTTP/1.1\r\n"

describe("a plain head", () => {
  it("is read", () => {
    const text = `${entry}Host: a.example:80\r\nX-User-Id: \t 2001 \t\r\nAccept:*/*\r\nX-Empty:\r\nConnection: Keep-Alive\r\n\r\n`
    const head = PlainHead.read(text)
    assert.isDefined(head)
    assert.strictEqual(head.url, "/v1/rooms/1001/entry")
    assert.strictEqual(head.text, text)
    assert.deepStrictEqual(head.headers(), [
      ["host", "a.example:80"],
      ["x-user-id", "2001"],
      ["accept", "*/*"],
      ["x-empty", ""],
      ["connection", "Keep-Alive"]
    ])
    for (const [name, value] of head.headers()) assert.strictEqual(head.header(name), value)
    for (const name of ["x-user", "x-user-ie", "2001", "get", ""]) assert.isUndefined(head.header(name))
  })

  const many = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join("")

  it("has at most 64 headers", () => {
    assert.lengthOf(PlainHead.read(`${entry}host: a\r\n${many(63)}\r\n`)?.headers() ?? [], 64)
    assert.isUndefined(PlainHead.read(`${entry}host: a\r\n${many(64)}\r\n`))
  })

  for (const [what, text] of Object.entries({
    "no end": `${entry}host: a\r\n`,
    "half an end": `${entry}host: a\r\n\r`,
    "more behind it": `${entry}host: a\r\n\r\nG`,
    "another behind it": `${entry}host: a\r\n\r\n`.repeat(2),
    "an empty line before it": `\r\n${entry}host: a\r\n\r\n`,
    "no headers": `${entry}\r\n`,
    "no host": `${entry}x-a: 1\r\n\r\n`,
    "two hosts": `${entry}host: a\r\nHost: a\r\n\r\n`,
    "a header twice": `${entry}host: a\r\nx-user-id: 1\r\nX-User-Id: 2\r\n\r\n`,
    "a length": `${entry}host: a\r\ncontent-length: 0\r\n\r\n`,
    "a coding": `${entry}host: a\r\nTransfer-Encoding: chunked\r\n\r\n`,
    "a coding, hidden by a space": `${entry}host: a\r\nTransfer-Encoding : chunked\r\n\r\n`,
    "a folded line": `${entry}host: a\r\nx-a: 1\r\n 2\r\n\r\n`,
    "a bare line feed": `${entry}host: a\nx-a: 1\r\n\r\n`,
    "a bare carriage return": `${entry}host: a\rx-a: 1\r\n\r\n`,
    "a zero byte": `${entry}host: a\r\nx-a: 1\u00002\r\n\r\n`,
    "an upgrade": `${entry}host: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    "a close": `${entry}host: a\r\nconnection: close\r\n\r\n`,
    "what only proxies were told": `${entry}host: a\r\nproxy-connection: close\r\n\r\n`,
    "an expectation": `${entry}host: a\r\nexpect: 100-continue\r\n\r\n`,
    "another method": `${entry.replace("GET", "HEAD")}host: a\r\n\r\n`,
    "an older version": `${entry.replace("1.1", "1.0")}host: a\r\n\r\n`,
    "a whole address": `${entry.replace("/v1", "http://a/v1")}host: a\r\n\r\n`,
    "a space in its path": `${entry.replace("1001", "10 01")}host: a\r\n\r\n`,
    "bytes beyond ASCII in its path": `${entry.replace("1001", "\u00e9")}host: a\r\n\r\n`
  })) {
    it(`with ${what} is none`, () => assert.isUndefined(PlainHead.read(text)))
  }
})

interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: ReadonlyArray<string>
  readonly body: string
}

/** What a Node server makes of `bytes` and a request behind them. */
const byNode = (bytes: string) =>
  Effect.callback<ReadonlyArray<Seen>>((resume) => {
    const seen: Array<Seen> = []
    const server = http.createServer((request, response) => {
      let body = ""
      request.on("data", (chunk) => (body += String(chunk)))
      request.on("end", () => {
        const { method, rawHeaders, url } = request
        const headers = rawHeaders.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text))
        seen.push({ method, url, headers, body })
        response.end()
        if (url === "/behind") client.destroy()
      })
    })
    const client = new net.Socket()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      client.connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1")
      client.write(Buffer.from(`${bytes}GET /behind HTTP/1.1\r\nhost: a\r\n\r\n`, "latin1"))
    })
    client.on("error", () => {}).resume()
    client.on("close", () => server.close(() => resume(Effect.succeed(seen))))
    return Effect.sync(() => {
      client.destroy()
      server.closeAllConnections()
    })
  })

/** One of these, and one time in thirty one of those. */
const mostly = <const A extends string, const B extends string>(usual: ReadonlyArray<A>, odd: ReadonlyArray<B>) =>
  Schema.Literals([...Array.from({ length: Math.ceil((29 * odd.length) / usual.length) }, () => usual).flat(), ...odd])

const token = [
  "x-a",
  "X-B",
  "accept",
  "Cookie",
  "Age",
  "1",
  "a",
  "-",
  "constructor",
  "__proto__",
  "x!#$%&'*+-.^_`|~"
] as const

const Head = Schema.Struct({
  method: mostly(["GET"], ["get", "POST", "HEAD", "GET "]),
  url: mostly(["/v1/rooms/1/entry", "/?a=b", "//c", "/%31", '/{}|\\^`"'], ["*", "http://a/b", "/b c", "/\u00e9", ""]),
  version: mostly(["HTTP/1.1"], ["HTTP/1.0", "HTTP/1.2", "http/1.1"]),
  host: mostly(["host: a\r\n", "HOST:b\r\n"], ["", "host: a\r\nHost: a\r\n"]),
  headers: Schema.Array(
    Schema.Struct({
      name: mostly(token, [
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "upgrade",
        "Expect",
        "Trailer",
        "TE",
        "Keep-Alive",
        "Proxy-Connection",
        "x a",
        "",
        "x-\u00e9"
      ]),
      separator: mostly([":", ": ", ":\t "], [" :", " ", ""]),
      value: mostly(
        ["1", "", "a b", "\u00e9\u00ff", "\u00a0", '{}"\\', "keep-alive", " 1 ", "1\t"],
        ["close", "chunked", "0", "5", "websocket", "100-continue", "a\u0000", "a\u007f", "a\u0001", "a\rb", "a\nb"]
      ),
      end: mostly(["\r\n"], ["\n", "\r", "\r\n ", "\r\r\n"])
    })
  ).check(Schema.isMaxLength(5)),
  end: mostly(["\r\n"], ["\n", "\r", "", "\r\n\r\n", "\r\nabcde"])
})

const textOf = ({ end, headers, host, method, url, version }: typeof Head.Type) => {
  const lines = headers.map((each) => each.name + each.separator + each.value + each.end).join("")
  return `${method} ${url} ${version}\r\n${host}${lines}${end}`
}

describe("whatever is read here", () => {
  let read = 0

  it.live.prop(
    "Node reads alike, without a body",
    { head: Head },
    ({ head }) =>
      Effect.gen(function* () {
        const text = textOf(head)
        const plain = PlainHead.read(text)
        if (plain === undefined) return
        read++
        const [first, ...others] = yield* byNode(text)
        const headers = plain.headers().flat()
        assert.deepStrictEqual<unknown>(first, { method: "GET", url: plain.url, headers, body: "" })
        assert.deepStrictEqual(
          others.map(({ url }) => url),
          ["/behind"]
        )
      }),
    { arbitrary: { runs: 2_000 } }
  )

  it("was something", () => assert.isAbove(read, 500))
})
