import { once } from "node:events"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ReadInPlace from "../src/ReadInPlace.ts"
import { answersIn, atOnce, client, open, plain, said } from "./door.ts"
import { eventually } from "./fixture.ts"

/** A server whose connections are read in place, and what each has read. */
const listen = Effect.gen(function* () {
  const read: Array<{ bytes: Buffer; text: string; socket: net.Socket }> = []
  const server = net.createServer((socket) => {
    const accepted = ReadInPlace.take(socket, server)
    if (accepted === undefined) return void socket.destroy()
    const taken = ReadInPlace.open(accepted, (bytes, length) => {
      read.push({ bytes, text: bytes.toString("latin1", 0, length), socket: taken })
      return true
    })
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => void server.close())
  )
  const address = server.address()
  const port = typeof address === "object" ? (address?.port ?? 0) : 0
  const connections = Effect.callback<number>(
    (resume) => void server.getConnections((_, count) => resume(Effect.succeed(count)))
  )
  return { connections, port, read, server }
})

describe("what is read in place", () => {
  it.live("comes in one buffer, of whichever connection and however often", () =>
    Effect.gen(function* () {
      const { port, read } = yield* listen
      const clients = yield* Effect.forEach([1, 2, 3], () => client(port))
      const sent: Array<string> = []
      for (let round = 0; round < 5; round++) {
        for (const [index, { socket }] of clients.entries()) {
          sent.push(`${index}:${round}`)
          socket.write(`${index}:${round}`)
          yield* eventually(() => read.length === sent.length)
        }
      }
      assert.deepStrictEqual(
        read.map(({ text }) => text),
        sent
      )
      assert.strictEqual(new Set(read.map(({ bytes }) => bytes)).size, 1)
      assert.strictEqual(new Set(read.map(({ socket }) => socket)).size, 3)
    })
  )

  it.live("is a connection of the server, which waits for it to end", () =>
    Effect.gen(function* () {
      const { connections, port, read, server } = yield* listen
      const { seen, socket } = yield* client(port)
      socket.write("a")
      yield* eventually(() => read.length === 1)
      assert.strictEqual(yield* connections, 1)
      let closed = false
      server.close(() => (closed = true))
      yield* Effect.sleep(20)
      assert.isFalse(closed)
      read[0]!.socket.end("bye")
      socket.end()
      yield* eventually(() => closed)
      assert.strictEqual(seen.text, "bye")
      assert.strictEqual(yield* connections, 0)
    })
  )

  it.live("its end and its reset are seen, and it can be half closed as the server has it", () =>
    Effect.gen(function* () {
      const { port, read } = yield* listen
      const [ending, resetting] = [yield* client(port), yield* client(port)]
      ending.socket.write("a")
      yield* eventually(() => read.length === 1)
      resetting.socket.write("b")
      yield* eventually(() => read.length === 2)
      const happened: Array<string> = []
      for (const [index, { socket }] of read.entries()) {
        socket.on("end", () => happened.push(`${index} end`)).on("close", () => happened.push(`${index} close`))
        socket.on("error", (error: NodeJS.ErrnoException) => happened.push(`${index} ${error.code}`))
      }
      // This server does not allow it, so the end is answered.
      ending.socket.end()
      yield* eventually(() => happened.length === 2)
      resetting.socket.resetAndDestroy()
      yield* eventually(() => happened.length === 4)
      assert.deepStrictEqual(happened, ["0 end", "0 close", "1 ECONNRESET", "1 close"])
    })
  )

  it.live("is what this server has accepted, and nothing else", () =>
    Effect.gen(function* () {
      const { port, server } = yield* listen
      const { socket } = yield* client(port)
      assert.isUndefined(ReadInPlace.take(socket, server))
      assert.isUndefined(ReadInPlace.take(new net.Socket(), server))
    })
  )
})

describe("what the door gives to Node", () => {
  it.live("a connection that another server has accepted is Node's, and answered", () =>
    Effect.gen(function* () {
      const { given, server } = yield* open(atOnce)
      const other = net.createServer((socket) => void server.emit("connection", socket))
      yield* Effect.acquireRelease(
        Effect.promise(() => once(other.listen(0, "127.0.0.1"), "listening")),
        () => Effect.sync(() => other.close())
      )
      const address = other.address()
      const { answers, socket } = yield* client(typeof address === "object" ? (address?.port ?? 0) : 0)
      socket.write(plain("1"))
      yield* eventually(() => answers().length === 1)
      assert.deepStrictEqual(answers(), [said("1")])
      assert.strictEqual(given(), 1)
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
