import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { answer, answersIn, atOnce, client, open, plain, said, waiting } from "./door.ts"
import { eventually } from "./fixture.ts"

describe("a connection that asks as nearly all do", () => {
  it.live("is answered again and again, and never Node's", () =>
    Effect.gen(function* () {
      const { port, drain, given } = yield* open(atOnce)
      const { answers, seen, socket } = yield* client(port)
      for (let count = 1; count <= 20; count++) {
        socket.write(plain(`${count}`))
        yield* eventually(() => answers().length === count)
      }
      assert.deepStrictEqual(
        answers(),
        Array.from({ length: 20 }, (_, index) => said(`${index + 1}`))
      )
      assert.lengthOf(seen.text.match(/\r\nx-by: lane\r\n/g) ?? [], 20)
      assert.match(seen.text, /\r\ndate: \w{3}, \d\d \w{3} 20\d\d \d\d:\d\d:\d\d GMT\r\n/)
      assert.match(seen.text, /\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n/)
      assert.strictEqual(given(), 0)
      assert.strictEqual(drain.inFlight(), 0)
    })
  )

  it.live("is Node's once the router has answered, whose answer is Node's own in every respect", () =>
    Effect.gen(function* () {
      const { port, drain, given } = yield* open((exchange) =>
        exchange.url.includes("x") ? undefined : atOnce(exchange)
      )
      const { answers, seen, socket } = yield* client(port)
      for (const [index, path] of ["1", "x1", "x2", "2"].entries()) {
        socket.write(plain(path))
        yield* eventually(() => answers().length === index + 1)
        assert.strictEqual(given(), index === 0 ? 0 : 1)
      }
      assert.deepStrictEqual(answers(), ["1", "x1", "x2", "2"].map(said))
      assert.deepStrictEqual(seen.text.match(/(?<=x-by: )\w+/g), ["lane", "router", "router", "lane"])
      yield* eventually(() => drain.inFlight() === 0)
      // Of the lane's two answers one went out here, the other by Node.
      const heads = seen.text.split("HTTP/1.1 200 OK\r\n").map((each) => each.split("\r\n\r\n")[0] ?? "")
      const headersIn = (head = "") =>
        head
          .toLowerCase()
          .replace(/date: .*/, "")
          .split("\r\n")
          .sort()
      assert.deepStrictEqual(headersIn(heads[1]), headersIn(heads[4]))
    })
  )

  it.live("the router sees the headers, with those that were put in place of others", () =>
    Effect.gen(function* () {
      const seenByRouter: Array<unknown> = []
      const { port } = yield* open(
        (exchange) => {
          assert.strictEqual(exchange.header("x-request-id"), "from-outside")
          exchange.set("x-request-id", "ours")
          assert.strictEqual(exchange.header("x-request-id"), "ours")
          return undefined
        },
        {},
        ({ headers, httpVersion, method, url }, response) => {
          seenByRouter.push({ headers: { ...headers }, httpVersion, method, url })
          response.end()
        }
      )
      const { socket } = yield* client(port)
      socket.write("GET /v1/rooms/1?a=b HTTP/1.1\r\nHost: a\r\nX-Request-Id: from-outside\r\nCookie: c=d\r\n\r\n")
      yield* eventually(() => seenByRouter.length === 1)
      const headers = { host: "a", "x-request-id": "ours", cookie: "c=d" }
      assert.deepStrictEqual(seenByRouter, [{ headers, httpVersion: "1.1", method: "GET", url: "/v1/rooms/1?a=b" }])
    })
  )
})

describe("whatever is unusual is Node's", () => {
  it.live("a request in two reads is one, wherever it is cut", () =>
    Effect.gen(function* () {
      const { port, given } = yield* open(atOnce)
      const text = plain("cut")
      for (let at = 1; at < text.length; at++) {
        const { answers, socket } = yield* client(port)
        socket.write(text.slice(0, at))
        // What came is no request: it was read, and is Node's.
        yield* eventually(() => given() === at)
        socket.write(text.slice(at))
        yield* eventually(() => answers().length === 1)
        socket.write(plain("after"))
        yield* eventually(() => answers().length === 2)
        assert.deepStrictEqual(answers(), [said("cut"), said("after")])
      }
      assert.strictEqual(given(), text.length - 1)
    })
  )

  it.live("what comes before the answer to what came earlier is answered behind it", () =>
    Effect.gen(function* () {
      const { inside, lane } = waiting()
      const { port, drain, given, heard } = yield* open(lane)
      const { answers, socket } = yield* client(port)
      socket.write(plain("1"))
      yield* eventually(() => inside.length === 1)
      socket.write(plain("2"))
      socket.write(plain("3").slice(0, 10))
      yield* eventually(() => heard() === plain("1").length + plain("2").length + 10)
      socket.write(plain("3").slice(10))
      yield* eventually(() => heard() === 3 * plain("1").length)
      assert.lengthOf(inside, 1)
      answer(inside[0]!)
      yield* eventually(() => inside.length === 3)
      answer(inside[2]!)
      answer(inside[1]!)
      yield* eventually(() => answers().length === 3)
      assert.deepStrictEqual(answers(), ["1", "2", "3"].map(said))
      assert.strictEqual(given(), 1)
      yield* eventually(() => drain.inFlight() === 0)
    })
  )

  it.live("who sends without end while it waits loses its connection", () =>
    Effect.gen(function* () {
      const { inside, lane, stopped } = waiting()
      const { port, drain, heard } = yield* open(lane)
      const { seen, socket } = yield* client(port)
      socket.write(plain("first"))
      yield* eventually(() => inside.length === 1)
      socket.write("x".repeat(60_000))
      yield* eventually(() => heard() === plain("first").length + 60_000)
      assert.isFalse(seen.closed)
      socket.write("x".repeat(10_000))
      yield* eventually(() => seen.closed)
      assert.strictEqual(seen.text, "")
      assert.lengthOf(stopped, 1)
      assert.strictEqual(drain.inFlight(), 0)
    })
  )

  it.live("what was sent byte by byte meanwhile is put back in one piece", () =>
    Effect.gen(function* () {
      const { inside, lane } = waiting()
      const { heard, port, sockets } = yield* open(lane)
      const { answers, socket } = yield* client(port)
      socket.write(plain("first"))
      yield* eventually(() => inside.length === 1)
      const put: Array<number> = []
      const [theirs] = sockets
      const unshift = theirs!.unshift.bind(theirs)
      theirs!.unshift = (chunk: Buffer) => {
        put.push(chunk.length)
        return unshift(chunk)
      }
      const second = plain(`second${"x".repeat(200)}`)
      for (const byte of second) {
        socket.write(byte)
        yield* Effect.sleep(1)
      }
      yield* eventually(() => heard() === plain("first").length + second.length)
      answer(inside[0]!)
      yield* eventually(() => inside.length === 2)
      answer(inside[1]!)
      yield* eventually(() => answers().length === 2)
      assert.deepStrictEqual(put, [second.length])
    })
  )

  it.live("what was sent behind a request whose answer is the last is nobody's", () =>
    Effect.gen(function* () {
      const { inside, lane } = waiting()
      const { port, server, given, heard } = yield* open(lane)
      const { answers, seen, socket } = yield* client(port)
      socket.write(plain("1"))
      yield* eventually(() => inside.length === 1)
      socket.write(plain("2"))
      yield* eventually(() => heard() === 2 * plain("1").length)
      server.close()
      answer(inside[0]!)
      yield* eventually(() => seen.closed)
      assert.deepStrictEqual(answers(), [said("1")])
      assert.deepStrictEqual([inside.length, given()], [1, 0])
    })
  )

  it.live("a slow client's answer is under way until it has read it", () =>
    Effect.gen(function* () {
      const { port, drain } = yield* open((exchange) => {
        exchange.answer(200, {}, "x".repeat(20_000_000))
        return { end: () => {} }
      })
      const { seen, socket } = yield* client(port)
      socket.pause().write(plain("1"))
      yield* Effect.sleep(100)
      assert.strictEqual(drain.inFlight(), 1)
      socket.resume()
      yield* eventually(() => drain.inFlight() === 0, 5_000)
      yield* eventually(() => seen.text.length > 20_000_000, 5_000)
    })
  )

  it.live("a connection that is to be closed is, and an older client is answered", () =>
    Effect.gen(function* () {
      const { port } = yield* open(atOnce)
      for (const text of [
        plain("1").replace("host: a", "host: a\r\nconnection: close"),
        plain("1").replace("1.1", "1.0")
      ]) {
        const { answers, seen, socket } = yield* client(port)
        socket.write(text)
        yield* eventually(() => seen.ended)
        assert.deepStrictEqual(answers(), [said("1")])
      }
    })
  )

  const Request = Schema.Literals(["lane", "late", "routed", "other", "head", "post", "twice", "long"])
  type Request = typeof Request.Type

  const bytesOf = (kind: Request, index: number): string => {
    const path = `${index}/${kind}`
    if (kind === "other") return `GET /${path} HTTP/1.1\r\nhost: a\r\n\r\n`
    if (kind === "head") return `HEAD /v1/rooms/${path} HTTP/1.1\r\nhost: a\r\n\r\n`
    if (kind === "post") return `POST /v1/rooms/${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde`
    if (kind === "twice") return plain(path).replace("host: a", "host: a\r\nx-a: 1\r\nx-a: 2")
    if (kind === "long") return plain(path).replace("host: a", `host: a\r\nx-a: ${"z".repeat(9_000)}`)
    return plain(path)
  }

  const expected = (kind: Request, index: number): string => {
    if (kind === "other") return `GET /${index}/other `
    if (kind === "post") return `POST /v1/rooms/${index}/post abcde`
    return kind === "head" ? "" : said(`${index}/${kind}`)
  }

  it.live.prop(
    "whatever is asked on a connection, in whatever pieces, is answered once and in order",
    {
      requests: Schema.Array(Request).check(Schema.isMinLength(1), Schema.isMaxLength(8)),
      cuts: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))).check(
        Schema.isMaxLength(12)
      ),
      // Whole requests as a rule, or all cut at once.
      wild: Schema.Boolean
    },
    ({ cuts, requests, wild }) =>
      Effect.gen(function* () {
        const { port, drain } = yield* open((exchange) => {
          if (exchange.url.endsWith("/routed") || exchange.method === "HEAD") return undefined
          if (!exchange.url.endsWith("/late")) return atOnce(exchange)
          const timer = setTimeout(() => answer(exchange), 3)
          return { end: () => clearTimeout(timer) }
        })
        const { seen, socket } = yield* client(port)
        const answers = () => answersIn(seen.text, (index) => requests[index] === "head")
        const whole = requests.map(bytesOf)
        const pieces = wild ? cutUp(whole.join(""), cuts) : whole
        for (const piece of pieces) {
          socket.write(piece)
          yield* Effect.sleep(1)
        }
        yield* eventually(() => answers().length === requests.length)
        assert.deepStrictEqual(answers(), requests.map(expected))
        yield* eventually(() => drain.inFlight() === 0)
      }),
    { arbitrary: { runs: 300 } }
  )
})

/** In pieces of these lengths, and the rest. */
const cutUp = (text: string, lengths: ReadonlyArray<number>): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let at = 0
  for (const length of lengths) {
    if (at >= text.length) break
    pieces.push(text.slice(at, at + length))
    at += length
  }
  if (at < text.length) pieces.push(text.slice(at))
  return pieces
}
