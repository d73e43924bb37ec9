import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { answersIn, atOnce, client, listening, open, plain, said } from "./door.ts"
import { eventually } from "./fixture.ts"

describe("what Node is given", () => {
  it.live("a connection that another server has accepted is Node's, and answered", () =>
    Effect.gen(function* () {
      const { given, server } = yield* open(atOnce)
      const other = net.createServer((socket) => void server.emit("connection", socket))
      const { answers, socket } = yield* client(yield* listening(other))
      socket.write(plain("1"))
      yield* eventually(() => answers().length === 1)
      assert.deepStrictEqual(answers(), [said("1")])
      assert.strictEqual(given(), 1)
    })
  )

  it.live("a head that is too long is Node's to refuse", () =>
    Effect.gen(function* () {
      const { given, port } = yield* open(atOnce)
      const { seen, socket } = yield* client(port)
      socket.write(plain("1").replace("host: a", `host: a\r\nx-long: ${"x".repeat(20_000)}`))
      yield* eventually(() => seen.ended)
      assert.match(seen.text, /^HTTP\/1.1 431 /)
      assert.strictEqual(given(), 1)
    })
  )

  it.live("a connection takes as long to be answered as Node lets it, whatever it was given here", () =>
    Effect.gen(function* () {
      const { port } = yield* open(atOnce, { headersTimeout: 50, requestTimeout: 100 }, (_, response) => {
        setTimeout(() => response.end("late"), 200)
      })
      const { answers, socket } = yield* client(port)
      socket.write("GET /else HTTP/1.1\r\nhost: a\r\n\r\n")
      yield* eventually(() => answers().length === 1)
      assert.deepStrictEqual(answers(), ["late"])
    })
  )

  it.live("an upgraded connection is whoever's has it: nothing of ours listens to it any more", () =>
    Effect.gen(function* () {
      const { port, server } = yield* open(atOnce)
      server.on("upgrade", (_, socket) => {
        const listeners = ["error", "timeout", "close"].map((event) => socket.listenerCount(event))
        socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\r\n${listeners.join()}.`)
        // The other half is still open.
        socket.on("end", () => setTimeout(() => socket.end("bye"), 20)).resume()
      })
      const { seen, socket } = yield* client(port, { allowHalfOpen: true })
      socket.write("GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
      yield* eventually(() => seen.text.includes("."))
      socket.end()
      yield* eventually(() => seen.ended)
      assert.strictEqual(seen.text.split("\r\n\r\n")[1], "0,0,0.bye")
    })
  )

  it.live("an upgraded connection carries whatever either side sends, and holds back who sends too much", () =>
    Effect.gen(function* () {
      const { port, server, sockets } = yield* open(atOnce)
      const theirs: Array<net.Socket> = []
      server.on("upgrade", (_, socket) => {
        socket.pause().write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        if (socket instanceof net.Socket) theirs.push(socket)
      })
      const { seen, socket } = yield* client(port)
      socket.write(plain("1"))
      yield* eventually(() => answersIn(seen.text).length === 1)
      socket.write("GET /socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
      yield* eventually(() => theirs.length === 1)
      const before = seen.text.length
      const sent = Array.from({ length: 40_000 }, (_, index) => `${index} `.padEnd(250, "x")).join("\n")
      socket.write(sent)
      // What the kernel holds is not read by somebody who is paused.
      yield* Effect.sleep(100)
      assert.isBelow(sockets[0]!.bytesRead, 1_000_000)
      theirs[0]!.pipe(theirs[0]!)
      yield* eventually(() => seen.text.length >= before + sent.length, 5_000)
      assert.isTrue(seen.text.endsWith(sent))
    })
  )

  it.live("a long body after plain requests comes whole, as do plain requests after it", () =>
    Effect.gen(function* () {
      const { port } = yield* open(atOnce)
      const { answers, socket } = yield* client(port)
      const body = Array.from({ length: 20_000 }, (_, index) => `${index} `.padEnd(100, "y")).join("\n")
      socket.write(plain("1"))
      yield* eventually(() => answers().length === 1)
      socket.write(`POST /v1/rooms/2 HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      yield* eventually(() => answers().length === 2, 5_000)
      socket.write(plain("3"))
      yield* eventually(() => answers().length === 3)
      assert.deepStrictEqual(answers(), [said("1"), `POST /v1/rooms/2 ${body}`, said("3")])
    })
  )
})
