/** Reading responses that are cut in every way, and responses that must be read. */
import { assert } from "@effect/vitest"
import { Schema } from "effect"
import { Heads } from "../src/internal/Http1Head.ts"
import { Http1Response, type Whole } from "../src/internal/Http1Response.ts"

export const maxBody = 4_096
export const maxHead = 16_384

/** Where to cut: the lengths of the pieces in turn, over and over. */
export type Cuts = ReadonlyArray<number>

export const whole: Cuts = [Infinity]
export const byteByByte: Cuts = [1]

/**
 * What a reader makes of messages that come one after another on one connection: each whole response, and how the last one
 * ended. Every piece is overwritten once it is given, as the buffer of a connection is.
 */
export const read = (messages: ReadonlyArray<string | Buffer>, cuts: Cuts): ReadonlyArray<Whole | string> => {
  const reader = new Http1Response(maxBody, new Heads())
  const results: Array<Whole | string> = []
  for (const message of messages) {
    const bytes = typeof message === "string" ? Buffer.from(message, "latin1") : message
    let begin = 0
    for (let nth = 0; begin < bytes.length; nth++) {
      const piece = Buffer.from(bytes.subarray(begin, begin + (cuts[nth % cuts.length] ?? 1)))
      begin += piece.length
      const progress = reader.push(piece)
      piece.fill("!")
      if (progress === "more") continue
      results.push(progress)
      if (typeof progress === "string" || !progress.reusable) return results
    }
  }
  const last = reader.close()
  return last === undefined ? results : [...results, last]
}

export const head = (...lines: ReadonlyArray<string>) => `${["HTTP/1.1 200 OK", ...lines].join("\r\n")}\r\n\r\n`
export const chunked = (...chunks: ReadonlyArray<string>) => head("transfer-encoding: chunked") + chunks.join("")
export const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1")

interface Valid {
  readonly message: string
  readonly expected: Whole
}

const valid = (message: string, expected: Partial<Whole>): Valid => ({
  message,
  expected: { status: 200, headers: {}, body: "", reusable: true, ...expected }
})

export const corpus: Readonly<Record<string, Valid>> = {
  "a body of a length": valid(`${head("Content-Length: 5")}hello`, {
    headers: { "content-length": "5" },
    body: "hello"
  }),
  "an empty body": valid(head("content-length: 0"), { headers: { "content-length": "0" } }),
  "a length with zeros before it": valid(`${head("content-length: 0002")}ok`, {
    headers: { "content-length": "0002" },
    body: "ok"
  }),
  "no space before a value, and many after it": valid(`${head("content-length:2 \t ", "x: \t a b \t")}ok`, {
    headers: { "content-length": "2", x: "a b" },
    body: "ok"
  }),
  "an empty reason": valid("HTTP/1.1 200 \r\ncontent-length: 0\r\n\r\n", { headers: { "content-length": "0" } }),
  "no reason": valid("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", { headers: { "content-length": "0" } }),
  "a status nobody knows": valid("HTTP/1.1 599 ?\r\ncontent-length: 0\r\n\r\n", {
    status: 599,
    headers: { "content-length": "0" }
  }),
  "204, which has no body": valid("HTTP/1.1 204 No Content\r\nx: 1\r\n\r\n", { status: 204, headers: { x: "1" } }),
  "304, which has none whatever its length says": valid("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", {
    status: 304,
    headers: { "content-length": "7" },
    reusable: false
  }),
  "204 with the length of a body that may yet come": valid("HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n", {
    status: 204,
    headers: { "content-length": "7" },
    reusable: false
  }),
  "interim responses before the real one": valid(
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\n${head("content-length: 2")}ok`,
    { headers: { "content-length": "2" }, body: "ok" }
  ),
  chunks: valid(chunked("5\r\nhello\r\n", "1\r\n!\r\n", "0\r\n\r\n"), {
    headers: { "transfer-encoding": "chunked" },
    body: "hello!"
  }),
  "no chunk but the last": valid(chunked("0\r\n\r\n"), { headers: { "transfer-encoding": "chunked" } }),
  "chunks with extensions and trailers": valid(
    chunked('00a ; name="a;b"\r\n0123456789\r\n', "0;last\r\n", "Digest: x\r\ncontent-length: 3\r\n\r\n"),
    { headers: { "transfer-encoding": "chunked" }, body: "0123456789" }
  ),
  "chunks that look like chunks and heads": valid(chunked("d\r\n0\r\n\r\nHTTP/1.1\r\n", "0\r\n\r\n"), {
    headers: { "transfer-encoding": "chunked" },
    body: "0\r\n\r\nHTTP/1.1"
  }),
  "an encoding in capitals": valid(`${head("Transfer-Encoding: CHUNKED")}1\r\na\r\n0\r\n\r\n`, {
    headers: { "transfer-encoding": "CHUNKED" },
    body: "a"
  }),
  "characters split between chunks": valid(
    chunked(`1\r\n${utf8("ü")[0]}\r\n`, `1\r\n${utf8("ü")[1]}\r\n`, `4\r\n${utf8("🎁")}\r\n`, "0\r\n\r\n"),
    { headers: { "transfer-encoding": "chunked" }, body: "ü🎁" }
  ),
  "a body that ends with the connection": valid(`${head("x: 1")}until the end`, {
    headers: { x: "1" },
    body: "until the end",
    reusable: false
  }),
  "an empty body that ends with the connection": valid(head(), { reusable: false }),
  "HTTP/1.0": valid("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", {
    headers: { connection: "keep-alive", "content-length": "2" },
    body: "ok",
    reusable: false
  }),
  "a peer that will close": valid(`${head("Connection: x, CLOSE", "content-length: 2")}ok`, {
    headers: { connection: "x, CLOSE", "content-length": "2" },
    body: "ok",
    reusable: false
  }),
  "a header that came several times": valid(head("a: 1", "content-length: 0", "A: 2", "a:"), {
    headers: { a: "1, 2, ", "content-length": "0" }
  }),
  "names that every object has": valid(head("constructor: 1", "__proto__: 2", "content-length: 0"), {
    headers: Object.fromEntries([
      ["constructor", "1"],
      ["__proto__", "2"],
      ["content-length", "0"]
    ])
  }),
  "a value in Latin 1": valid(head("x: \xa0caf\xe9\xa0", "content-length: 0"), {
    headers: { x: "\xa0caf\xe9\xa0", "content-length": "0" }
  }),
  "the largest body": valid(`${head(`content-length: ${maxBody}`)}${"b".repeat(maxBody)}`, {
    headers: { "content-length": String(maxBody) },
    body: "b".repeat(maxBody)
  }),
  "the largest head": valid(`HTTP/1.1 204 No Content\r\nx: ${"h".repeat(maxHead - 28)}\r\n\r\n`, {
    status: 204,
    headers: { x: "h".repeat(maxHead - 28) }
  })
}

const sameHeaders = (actual: Whole, expected: Whole) =>
  assert.deepStrictEqual(Object.entries(actual.headers), Object.entries(expected.headers))

export const sameAs = (actual: Whole | string | undefined, expected: Whole) => {
  if (typeof actual !== "object") return assert.fail(String(actual))
  sameHeaders(actual, expected)
  assert.deepStrictEqual(
    [actual.status, actual.body, actual.reusable],
    [expected.status, expected.body, expected.reusable]
  )
}

export const Cut = Schema.NonEmptyArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 })))
