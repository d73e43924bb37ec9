import * as http from "node:http"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { type Cause, Duration, Effect, ErrorReporter, Layer, Logger, Metric, Scope } from "effect"
import { HttpServerResponse } from "effect/http"
import { client } from "./door.ts"
import { answerWell, eventually, get, pathOf, serve } from "./fixture.ts"
import * as Process from "./process.ts"

const modes = ["failfast", "settle", "degrade", "serial"] as const

/** What the service says of requests that failed: to its log, and to those who watch it. */
const watched = () => {
  const logged: Array<string> = []
  const statuses: Array<number> = []
  const report = ({ cause }: { readonly cause: Cause.Cause<unknown> }) => {
    for (const reason of cause.reasons) {
      if (reason._tag === "Die" && HttpServerResponse.isHttpServerResponse(reason.defect)) {
        statuses.push(reason.defect.status)
      }
    }
  }
  const layer = Layer.mergeAll(
    Logger.layer([Logger.make(({ logLevel, message }) => void logged.push(`${logLevel} ${String(message)}`))]),
    Layer.succeed(
      ErrorReporter.CurrentErrorReporters,
      new Set([{ [ErrorReporter.TypeId]: ErrorReporter.TypeId, report }])
    )
  )
  return { logged, statuses, layer }
}

/** The answers that this process begins to send while the scope is open, whoever they are for. */
const sentAnswers = Effect.acquireRelease(
  Effect.sync(() => {
    const statuses: Array<number> = []
    const writeHead = http.ServerResponse.prototype.writeHead
    http.ServerResponse.prototype.writeHead = function (this: http.ServerResponse, ...args: Array<unknown>) {
      statuses.push(Number(args[0]))
      return Reflect.apply(writeHead, this, args) as http.ServerResponse
    } as typeof writeHead
    return { statuses, writeHead }
  }),
  ({ writeHead }) =>
    Effect.sync(() => {
      http.ServerResponse.prototype.writeHead = writeHead
    })
)

/** Ways in which a client goes: all of its socket, its sending half, and with a reset. */
const leavings: Readonly<Record<string, (socket: net.Socket) => void>> = {
  "closes its socket": (socket) => socket.destroy(),
  "closes its half of the socket": (socket) => socket.end(),
  "resets its connection": (socket) => socket.resetAndDestroy()
}

/** Asks for an entry on a socket of its own. */
const enter = (url: string, mode: string, userId = "2001") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { port, host } = new URL(url)
      const head = `GET /v1/rooms/1001/entry?mode=${mode} HTTP/1.1\r\nhost: ${host}\r\nx-user-id: ${userId}\r\n\r\n`
      return net
        .connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true })
        .on("error", () => {})
        .on("connect", function (this: net.Socket) {
          this.write(head)
        })
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

// Longer than any test: what ends an entry here is never its deadline.
const patience = Duration.seconds(20)

const hang: ScriptedServer.Script = () => {}

describe("a client that leaves", () => {
  for (const mode of modes) {
    for (const [how, leave] of Object.entries(leavings)) {
      it.live(
        `${mode}: one that ${how} is no error of ours: not logged as one, not recorded as 503, not answered`,
        () => {
          const { layer, logged, statuses } = watched()
          return Effect.gen(function* () {
            const sent = yield* sentAnswers
            const { url, upstream } = yield* serve(hang)
            const socket = yield* enter(url, mode)
            yield* eventually(() => upstream.requests.length >= (mode === "serial" ? 1 : 5))
            leave(socket)
            yield* eventually(() => statuses.length === 1)
            yield* eventually(() => upstream.open() === 0)
            assert.deepStrictEqual(statuses, [499])
            assert.deepStrictEqual(logged, [])
            assert.deepStrictEqual(sent.statuses, [])
            assert.strictEqual(socket.bytesRead, 0)
          }).pipe(Effect.provide(layer))
        }
      )
    }
  }

  it.live("an end that is ours is recorded as 503 and answered, so that the silence above means something", () => {
    const { layer, statuses } = watched()
    return Effect.gen(function* () {
      const sent = yield* sentAnswers
      const test = yield* Effect.scope
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { url, upstream } = yield* serve(hang, { entryDeadline: patience, drain: Duration.millis(1) })
          yield* Effect.provideService(enter(url, "degrade"), Scope.Scope, test)
          yield* eventually(() => upstream.requests.length >= 5)
        }).pipe(Effect.provide(layer))
      )
      assert.deepStrictEqual(statuses, [503])
      assert.deepStrictEqual(sent.statuses, [503])
    })
  })

  const hanging = Effect.gen(function* () {
    const upstream = yield* ScriptedServer.make(hang)
    const service = yield* Process.start({
      ...Process.upstreamsAt(upstream.url),
      ...Process.patient,
      PORTICO_DRAIN: "20 seconds"
    })
    const url = yield* service.listening
    const sockets = yield* Effect.forEach(modes, (mode) => enter(url, mode, `2-${mode}`))
    const asked = (mode: string) =>
      mode === "serial" || upstream.requests.some((head) => pathOf(head) === `/users/2-${mode}`)
    yield* eventually(() => modes.every(asked), 5_000)
    const leave = Effect.andThen(
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
      }),
      eventually(() => upstream.open() === 0)
    )
    return { service, leave }
  })

  const endsAtOnce = (service: Process.Process) =>
    Effect.gen(function* () {
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 0)
      assert.isBelow(millis, 1_500)
      assert.strictEqual(service.errors(), "")
    })

  it.live("does not hold up the end of the process, when it left calls that hang before that", () =>
    Effect.gen(function* () {
      const { service, leave } = yield* hanging
      yield* leave
      yield* service.signal("SIGTERM")
      yield* endsAtOnce(service)
    })
  )

  it.live("does not hold up the end of the process, when it leaves calls that hang during the drain", () =>
    Effect.gen(function* () {
      const { service, leave } = yield* hanging
      yield* service.signal("SIGTERM")
      yield* Effect.sleep(200)
      yield* leave
      yield* endsAtOnce(service)
    })
  )
})

/** Counts the fibers that are alive in whatever it is provided to. */
const counted = () => {
  const alive = { now: 0 }
  const layer = Layer.succeed(Metric.FiberRuntimeMetrics, {
    recordFiberStart: () => void alive.now++,
    recordFiberEnd: () => void alive.now--
  })
  return { alive, layer }
}

/** The middle one: a machine that others use too is now and then late. */
const median = (values: Array<number>) => values.sort((a, b) => a - b)[values.length >> 1]!

describe("nothing is left behind", () => {
  it.live("of who asks for an upgrade behind another request, and leaves: its socket is closed", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const { port } = new URL(url)
      const entry = "GET /v1/rooms/1001/entry HTTP/1.1\r\nhost: a\r\n"
      const sockets = yield* Effect.forEach(Array.from({ length: 20 }), () =>
        client(Number(port), { allowHalfOpen: true })
      )
      for (const { socket } of sockets) {
        socket.write(`${entry}\r\n${entry}connection: upgrade\r\nupgrade: x\r\n\r\n`)
      }
      yield* eventually(() => sockets.every(({ seen }) => seen.text.includes("HTTP/1.1 200 OK")))
      for (const { socket } of sockets) socket.end()
      yield* eventually(() => sockets.every(({ seen }) => seen.ended))
    })
  )

  it.live("after clients that left: no fiber, no alarm, and no upstream socket after 100 ms", () => {
    const { alive, layer } = counted()
    return Effect.gen(function* () {
      const { url, upstream } = yield* serve(hang, { entryDeadline: patience })
      const idle = alive.now
      const times: Array<number> = []
      for (let round = 0; round < 5; round++) {
        const sockets = yield* Effect.forEach(modes, (mode) => enter(url, mode, `2-${round}-${mode}`))
        const asked = (mode: string) =>
          mode === "serial" || upstream.requests.some((head) => pathOf(head) === `/users/2-${round}-${mode}`)
        yield* eventually(() => modes.every(asked))
        assert.isAtLeast(alive.now - idle, modes.length)
        assert.isAbove(yield* Alarm.pending, 0)
        for (const socket of sockets) socket.destroy()
        const [millis] = yield* Process.took(eventually(() => upstream.open() === 0))
        times.push(millis)
      }
      assert.isBelow(median(times), 100)
      yield* eventually(() => alive.now === idle)
      assert.strictEqual(yield* Alarm.pending, 0)
    }).pipe(Effect.provide(layer))
  })

  it.live("after entries that failed fast: no fiber, no alarm, and no upstream socket after 100 ms", () => {
    const { alive, layer } = counted()
    return Effect.gen(function* () {
      const { url, upstream } = yield* serve(
        (socket, head) => {
          if (/equity/.test(pathOf(head))) ScriptedServer.answer(socket, 500, "", "connection: close\r\n")
        },
        { entryDeadline: patience }
      )
      const idle = alive.now
      const times: Array<number> = []
      for (let round = 0; round < 5; round++) {
        const { status } = yield* get(`${url}/v1/rooms/1001/entry?mode=failfast`)
        assert.strictEqual(status, 502)
        // Its own end closes the socket of the one that failed; the four that hung are cut.
        const [millis] = yield* Process.took(eventually(() => upstream.open() === 0))
        times.push(millis)
      }
      assert.isAtLeast(upstream.requests.length, 25)
      assert.isBelow(median(times), 100)
      yield* eventually(() => alive.now === idle)
      assert.strictEqual(yield* Alarm.pending, 0)
    }).pipe(Effect.provide(layer))
  })

  it.live("after entries that were answered: no fiber and no alarm", () => {
    const { alive, layer } = counted()
    return Effect.gen(function* () {
      const { url } = yield* serve(answerWell)
      const idle = alive.now
      for (const mode of modes) yield* get(`${url}/v1/rooms/1001/entry?mode=${mode}`)
      yield* eventually(() => alive.now === idle)
      assert.strictEqual(yield* Alarm.pending, 0)
    }).pipe(Effect.provide(layer))
  })
})
