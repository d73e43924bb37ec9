import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { maxBody, whole, byteByByte, read, head, chunked, corpus, sameAs, Cut, type Cuts } from "./Http1Reading.ts"

describe("a response is read", () => {
  for (const [name, { message, expected }] of Object.entries(corpus)) {
    for (const [how, cuts] of Object.entries({ "in one piece": whole, "byte by byte": byteByByte })) {
      it(`${how}: ${name}`, () => {
        const results = read([message], cuts)
        assert.strictEqual(results.length, 1)
        sameAs(results[0], expected)
      })
    }
  }

  it.prop("to the same result however it is cut, each of the corpus", { cuts: Cut }, ({ cuts }) => {
    for (const { message, expected } of Object.values(corpus)) sameAs(read([message], cuts)[0], expected)
  })

  it.prop(
    "one after another on a connection, to what was written",
    {
      cuts: Cut,
      messages: Schema.Array(
        Schema.Struct({
          body: Schema.String,
          status: Schema.Literals([200, 201, 404, 503]),
          value: Schema.String.check(Schema.isPattern(/^[!-~]{0,30}$/)),
          chunks: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 50 }))),
          extra: Schema.Literals(["", ";a=b", " ;c"]),
          interim: Schema.Boolean,
          trailer: Schema.Boolean
        })
      )
    },
    ({ cuts, messages }) => {
      const written = messages.map(({ body, status, value, chunks, extra, interim, trailer }) => {
        const bytes = Buffer.from(body, "utf8").subarray(0, maxBody)
        const before = `${interim ? "HTTP/1.1 102 Processing\r\n\r\n" : ""}HTTP/1.1 ${status} Whatever\r\nx: ${value}\r\n`
        const message =
          chunks.length === 0
            ? `${before}content-length: ${bytes.length}\r\n\r\n${bytes.toString("latin1")}`
            : `${before}transfer-encoding: chunked\r\n\r\n${inChunks(bytes, chunks, extra)}0\r\n${trailer ? "t: 1\r\n" : ""}\r\n`
        return { message, expected: [status, value, bytes.toString("utf8")] }
      })
      const results = read(
        written.map(({ message }) => message),
        cuts
      )
      assert.deepStrictEqual(
        results.map((result) =>
          typeof result === "string" ? result : [result.status, result.headers["x"], result.body]
        ),
        written.map(({ expected }) => expected)
      )
    }
  )
})

const inChunks = (bytes: Buffer, sizes: Cuts, extra: string): string => {
  let text = ""
  for (let begin = 0, nth = 0; begin < bytes.length; nth++) {
    const data = bytes.subarray(begin, begin + (sizes[nth % sizes.length] ?? 1))
    text += `${data.length.toString(16)}${extra}\r\n${data.toString("latin1")}\r\n`
    begin += data.length
  }
  return text
}

/** What became of one message. */
const readOne = (message: string, cuts: Cuts = whole) => {
  const [result] = read([message], cuts)
  return typeof result === "object" ? result.body : (result ?? "more")
}

describe("a body over the limit", () => {
  it("is refused when its length says so, before any of it", () => {
    assert.strictEqual(readOne(head(`content-length: ${maxBody + 1}`)), "too large")
  })

  it("is refused when a chunk's size says so, before any of it", () => {
    assert.strictEqual(readOne(chunked("ffffffff\r\n")), "too large")
    assert.strictEqual(
      readOne(chunked(`${(maxBody - 1).toString(16)}\r\n${"b".repeat(maxBody - 1)}\r\n2\r\n`)),
      "too large"
    )
  })

  it("is refused at the first byte too many where nothing says how long it is", () => {
    assert.strictEqual(readOne(`${head()}${"b".repeat(maxBody)}`), "b".repeat(maxBody))
    assert.strictEqual(readOne(`${head()}${"b".repeat(maxBody + 1)}`, byteByByte), "too large")
  })

  it("is so by its decoded bytes, and not by those of the encoding", () => {
    const body = "b".repeat(maxBody)
    assert.strictEqual(readOne(chunked("1\r\nb\r\n".repeat(maxBody), "0\r\n\r\n")), body)
    assert.strictEqual(readOne(chunked("1\r\nb\r\n".repeat(maxBody), "1\r\n")), "too large")
  })
})

describe("a drip of single bytes", () => {
  /** Processor time of reading messages byte by byte: the least of a few runs, each long enough for a kernel that counts in ticks. */
  const cost = (message: string, times: number) => {
    let least = Infinity
    for (let run = 0; run < 3; run++) {
      const before = process.threadCpuUsage()
      for (let again = 0; again < 50; again++) {
        const results = read(
          Array.from({ length: times }, () => message),
          byteByByte
        )
        assert.strictEqual(results.length, times)
      }
      const { user, system } = process.threadCpuUsage(before)
      least = Math.min(least, user + system)
    }
    return least
  }
  const padded = (length: number) => `${head("content-length: 2", `x: ${"h".repeat(length)}`)}ok`
  const extended = (length: number) => chunked(`1;${"e".repeat(length)}\r\na\r\n`, "0\r\n\r\n")

  it("costs a large head no more than as many bytes of small ones", () => {
    assert.isBelow(cost(padded(16_000), 1), 4 * cost(padded(440), 32))
  })

  it("costs a long line no more than as many bytes of short ones", () => {
    assert.isBelow(cost(extended(16_000), 1), 4 * cost(extended(420), 32))
  })
})
