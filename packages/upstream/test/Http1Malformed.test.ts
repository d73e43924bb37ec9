import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import {
  maxHead,
  whole,
  byteByByte,
  read,
  head,
  chunked,
  utf8,
  corpus,
  sameAs,
  Cut,
  type Cuts
} from "./Http1Reading.ts"

const next = `${head("content-length: 2")}ok`

/** Each followed by a good response, which a reader that took the first for something else might give. */
const malformed: Readonly<Record<string, string>> = {
  "a line feed alone after the status": "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n",
  "line feeds alone": "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
  "a line feed alone within a value": head("x: 1\ncontent-length: 0"),
  "a carriage return alone within a value": head("x: 1\rcontent-length: 0"),
  "a carriage return too many": head("content-length: 0\r"),
  "a folded header": head("x: 1", " folded: 2", "content-length: 0"),
  "a header folded with a tab": head("x: 1", "\tfolded", "content-length: 0"),
  "a space before the colon": head("content-length : 0"),
  "a tab before the colon": head("content-length\t: 0"),
  "no colon": head("content-length 0"),
  "no name": head(": 1", "content-length: 0"),
  "a name that is no token": head("x(y): 1", "content-length: 0"),
  "a name beyond ASCII": head("caf\xe9: 1", "content-length: 0"),
  "a NUL in a value": head("x: a\0b", "content-length: 0"),
  "a NUL in the reason": "HTTP/1.1 200 O\0K\r\ncontent-length: 0\r\n\r\n",
  "two lengths": `${head("content-length: 2", "content-length: 3")}ok`,
  "two lengths in one": `${head("content-length: 2, 3")}ok`,
  "the same length twice": `${head("content-length: 2", "content-length: 2")}ok`,
  "a length and an encoding": `${head("content-length: 2", "transfer-encoding: chunked")}0\r\n\r\n`,
  "an encoding and a length": `${head("transfer-encoding: chunked", "content-length: 2")}0\r\n\r\n`,
  "an encoding that is not chunked": head("transfer-encoding: gzip"),
  "an encoding within the chunked one": `${head("transfer-encoding: gzip, chunked")}0\r\n\r\n`,
  "the chunked encoding twice": `${head("transfer-encoding: chunked", "transfer-encoding: chunked")}0\r\n\r\n`,
  "the chunked encoding not last": `${head("transfer-encoding: chunked, identity")}0\r\n\r\n`,
  "an encoding hidden behind what some take for a space": `${head("transfer-encoding: \x0bchunked")}0\r\n\r\n`,
  "an encoding before a no-break space": `${head("transfer-encoding: chunked\xa0")}0\r\n\r\n`,
  "an empty encoding": `${head("transfer-encoding:")}0\r\n\r\n`,
  "an encoding in HTTP/1.0": "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "an empty length": head("content-length:"),
  "204 with a length that is none": "HTTP/1.1 204 No Content\r\ncontent-length: +2\r\n\r\n",
  "304 with a length and an encoding":
    "HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n",
  "a negative length": `${head("content-length: -2")}ok`,
  "a length with a plus": `${head("content-length: +2")}ok`,
  "a length in hexadecimal": `${head("content-length: 0x2")}ok`,
  "a length with an exponent": `${head("content-length: 2e0")}ok`,
  "a length of a fraction": `${head("content-length: 2.0")}ok`,
  "a length with a space within": `${head("content-length: 1 2")}ok`,
  "a length in another script": `${head(`content-length: ${utf8("２")}`)}ok`,
  "a length behind a form feed": `${head("content-length: \x0c2")}ok`,
  "a length beyond all numbers": head(`content-length: ${"9".repeat(400)}`),
  "a length of 2 to the 64th": head("content-length: 18446744073709551616"),
  "a chunk without a size": chunked("\r\n", "0\r\n\r\n"),
  "a chunk of a negative size": chunked("-1\r\na\r\n", "0\r\n\r\n"),
  "a chunk of a size with a plus": chunked("+1\r\na\r\n", "0\r\n\r\n"),
  "a chunk of a size with 0x": chunked("0x1\r\na\r\n", "0\r\n\r\n"),
  "a chunk of a size with a space before": chunked(" 1\r\na\r\n", "0\r\n\r\n"),
  "a chunk of a size with a space after": chunked("1 \r\na\r\n", "0\r\n\r\n"),
  "a chunk of a size that overflows": chunked("100000001\r\na\r\n", "0\r\n\r\n"),
  "a chunk whose size ends in a line feed": chunked("1\na\r\n", "0\r\n\r\n"),
  "a chunk with a line feed in its extension": chunked("1;a\nb\r\na\r\n", "0\r\n\r\n"),
  "a chunk longer than its size": chunked("1\r\nab\r\n", "0\r\n\r\n"),
  "a chunk that ends in a line feed": chunked("1\r\na\n", "0\r\n\r\n"),
  "a chunk that ends in nothing": chunked("1\r\na", "0\r\n\r\n"),
  "a trailer that is no header": chunked("0\r\n", "nonsense\r\n\r\n"),
  "a trailer with a line feed alone": chunked("0\r\n", "a: 1\nb: 2\r\n\r\n"),
  "a head that is too large": head(`x: ${"h".repeat(maxHead)}`, "content-length: 0"),
  "a head that is larger by a byte": `HTTP/1.1 204 No Content\r\nx: ${"h".repeat(maxHead - 27)}\r\n\r\n`,
  "a flood of headers": head(...Array.from({ length: 5_000 }, (_, nth) => `x-${nth}: 1`), "content-length: 0"),
  "a chunk line that is too large": chunked(`1;${"e".repeat(maxHead)}\r\na\r\n`, "0\r\n\r\n"),
  "short chunks with long extensions": chunked(`1;${"e".repeat(1_000)}\r\na\r\n`.repeat(20), "0\r\n\r\n"),
  "a flood of trailers": chunked("0\r\n", "a: 1\r\n".repeat(3_000), "\r\n"),
  "an empty line before the status": `\r\n${head("content-length: 0")}`,
  "garbage before the status": `x${head("content-length: 0")}`,
  "another protocol": "SSH-2.0-OpenSSH_9.6\r\n",
  "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "the frames of HTTP/2": "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64",
  "HTTP/0.9": "<!doctype html>",
  "HTTP/1.2": "HTTP/1.2 200 OK\r\ncontent-length: 0\r\n\r\n",
  "HTTP/2.0 in text": "HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
  "a protocol in small letters": "http/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
  "two spaces before the status": "HTTP/1.1  200 OK\r\ncontent-length: 0\r\n\r\n",
  "a tab after the status": "HTTP/1.1 200\tOK\r\ncontent-length: 0\r\n\r\n",
  "status 99": "HTTP/1.1 99 ?\r\ncontent-length: 0\r\n\r\n",
  "status 099": "HTTP/1.1 099 ?\r\ncontent-length: 0\r\n\r\n",
  "status 600": "HTTP/1.1 600 ?\r\ncontent-length: 0\r\n\r\n",
  "status 2000": "HTTP/1.1 2000 ?\r\ncontent-length: 0\r\n\r\n",
  "a switch of protocols": "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"
}

describe("what is not quite HTTP is malformed, and never two messages", () => {
  for (const [name, message] of Object.entries(malformed)) {
    it(name, () => {
      for (const cuts of [whole, byteByByte, [7], [1_000, 3]]) {
        assert.deepStrictEqual(read([message + next], cuts), ["malformed"])
      }
    })
  }

  it.prop(
    "whatever one byte is changed to: no result depends on the cuts",
    { cuts: Cut, at: Schema.Int, to: Schema.Int },
    ({ cuts, at, to }) => {
      for (const { message } of Object.values(corpus)) {
        if (message.length > 1_000) continue
        const bytes = Buffer.from(message, "latin1")
        bytes[Math.abs(at) % bytes.length] = to
        // Not whether it is reusable: what is surplus is known as such only where it comes with the end.
        const seen = (cuts: Cuts) => {
          const [result] = read([bytes], cuts)
          return typeof result === "object" ? [result.status, Object.entries(result.headers), result.body] : result
        }
        assert.deepStrictEqual(seen(cuts), seen(whole))
      }
    }
  )

  it("bytes after a response belong to nothing, and end the connection", () => {
    for (const surplus of ["x", "\r\n", next]) {
      const [result] = read([`${head("content-length: 2")}ok${surplus}`], whole)
      sameAs(result, { status: 200, headers: { "content-length": "2" }, body: "ok", reusable: false })
      const [inChunks] = read([chunked("1\r\na\r\n0\r\n\r\n", surplus)], whole)
      sameAs(inChunks, { status: 200, headers: { "transfer-encoding": "chunked" }, body: "a", reusable: false })
    }
  })

  it("a connection that ends within a response leaves nothing of it", () => {
    for (const message of [
      "",
      "HTT",
      `${head("content-length: 3")}ok`,
      chunked("2\r\nok\r\n"),
      chunked("2\r\nok\r\n0\r\n")
    ]) {
      assert.deepStrictEqual(read([message], whole), [])
      assert.deepStrictEqual(read([message], byteByByte), [])
    }
  })
})
