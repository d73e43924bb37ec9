import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ReadInPlace from "../src/ReadInPlace.ts"
import { client, listening } from "./door.ts"
import { eventually } from "./fixture.ts"

/** A server whose connections are read in place, each socket as it was accepted and as it is read, and what came. */
const listen = (options: net.ServerOpts = {}) =>
  Effect.gen(function* () {
    const read: Array<{ bytes: Buffer; text: string; socket: net.Socket }> = []
    const taken: Array<{ accepted: net.Socket; inPlace: ReadInPlace.InPlace }> = []
    const server = net.createServer(options, (accepted) => {
      const inPlace = ReadInPlace.take(
        accepted,
        server
      )?.((bytes, length) => {
        read.push({ bytes, text: bytes.toString("latin1", 0, length), socket: inPlace!.socket })
      })
      if (inPlace !== undefined) taken.push({ accepted, inPlace })
    })
    const port = yield* listening(server)
    const connections = Effect.callback<number>(
      (resume) => void server.getConnections((_, count) => resume(Effect.succeed(count)))
    )
    return { connections, port, read, server, taken }
  })

describe("what is read in place", () => {
  it.live("comes in one buffer, of whichever connection and however often", () =>
    Effect.gen(function* () {
      const { port, read } = yield* listen()
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

  it.live("is a connection of the server, which waits for it to end, and for nothing else", () =>
    Effect.gen(function* () {
      const { connections, port, read, server, taken } = yield* listen()
      const { seen, socket } = yield* client(port)
      socket.write("a")
      yield* eventually(() => read.length === 1)
      const { accepted, inPlace } = taken[0]!
      // What it was accepted in has nothing of it any more.
      assert.strictEqual(Reflect.get(inPlace.socket, "server"), server)
      assert.isUndefined(accepted.remoteAddress)
      accepted.destroy()
      let closed = false
      server.close(() => (closed = true))
      yield* Effect.sleep(20)
      assert.strictEqual(yield* connections, 1)
      assert.isFalse(closed)
      inPlace.socket.end("bye")
      socket.end()
      yield* eventually(() => closed)
      assert.strictEqual(seen.text, "bye")
      assert.strictEqual(yield* connections, 0)
    })
  )

  it.live("is as the server makes its sockets", () =>
    Effect.gen(function* () {
      const options = { allowHalfOpen: true, highWaterMark: 12_345, noDelay: true, keepAlive: true }
      for (const given of [options, {}]) {
        const { port, taken } = yield* listen(given)
        yield* client(port)
        yield* eventually(() => taken.length === 1)
        const { accepted, inPlace } = taken[0]!
        const { socket } = inPlace
        assert.strictEqual(socket.allowHalfOpen, given === options)
        assert.strictEqual(socket.readableHighWaterMark, accepted.readableHighWaterMark)
        assert.strictEqual(socket.writableHighWaterMark, accepted.writableHighWaterMark)
        assert.strictEqual(socket.readableHighWaterMark === 12_345, given === options)
        // Node asks the kernel only where it takes the flag for another.
        const asked: Array<string> = []
        const handle: object = Reflect.get(socket, "_handle")
        Object.assign(handle, { setNoDelay: () => asked.push("noDelay"), setKeepAlive: () => asked.push("keepAlive") })
        socket.setNoDelay(false).setKeepAlive(false)
        assert.deepStrictEqual(asked, given === options ? ["noDelay", "keepAlive"] : [])
      }
    })
  )

  it.live("its end and its reset are seen", () =>
    Effect.gen(function* () {
      const { port, read } = yield* listen()
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
      ending.socket.end()
      yield* eventually(() => happened.length === 2)
      resetting.socket.resetAndDestroy()
      yield* eventually(() => happened.length === 4)
      assert.deepStrictEqual(happened, ["0 end", "0 close", "1 ECONNRESET", "1 close"])
    })
  )

  it.live("is what this server has just accepted, and nothing else", () =>
    Effect.gen(function* () {
      const { port, read, server, taken } = yield* listen()
      const { socket } = yield* client(port)
      assert.isUndefined(ReadInPlace.take(socket, server))
      assert.isUndefined(ReadInPlace.take(new net.Socket(), server))
      socket.write("a")
      yield* eventually(() => read.length === 1)
      // Whoever has read from it has put listeners there.
      assert.isUndefined(ReadInPlace.take(taken[0]!.inPlace.socket, server))
    })
  )
})

describe("what is given back", () => {
  const given = Effect.gen(function* () {
    const { port, read, taken } = yield* listen()
    const { socket: theirs } = yield* client(port)
    theirs.write("1")
    yield* eventually(() => read.length === 1)
    const { inPlace } = taken[0]!
    inPlace.giveBack()
    return { port, read, theirs, socket: inPlace.socket }
  })

  it.live("keeps what came, whatever comes on another connection", () =>
    Effect.gen(function* () {
      const { port, read, socket, theirs } = yield* given
      socket.on("readable", () => {})
      theirs.write("first")
      yield* eventually(() => socket.readableLength === 5)
      const other = yield* client(port)
      other.socket.write("other")
      yield* eventually(() => read.length === 2)
      assert.strictEqual(String(socket.read()), "first")
    })
  )

  it.live("holds back who sends too much, however little of it is taken", () =>
    Effect.gen(function* () {
      const { socket, theirs } = yield* given
      socket.on("readable", () => {})
      theirs.write(Buffer.alloc(20_000_000))
      const most = socket.readableHighWaterMark + 65_536
      yield* eventually(() => socket.readableLength >= socket.readableHighWaterMark)
      for (let count = 0; count < 30; count++) {
        socket.read(1)
        yield* Effect.sleep(2)
        assert.isAtMost(socket.readableLength, most)
      }
    })
  )

  it.live("hears of a reset while it is paused", () =>
    Effect.gen(function* () {
      const { socket, theirs } = yield* given
      let code: string | undefined
      socket.on("data", () => {}).on("error", (error: NodeJS.ErrnoException) => (code = error.code))
      socket.pause()
      theirs.resetAndDestroy()
      yield* eventually(() => code === "ECONNRESET")
    })
  )
})
