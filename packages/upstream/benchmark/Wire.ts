/**
 * What an exchange costs on our wire, beside undici and node:http: `node packages/upstream/benchmark/Wire.ts`.
 *
 * Each client asks for 220 bytes of JSON with the headers of an upstream call, 64 at once, over keep-alive connections to a
 * server in another process that answers every read with the same bytes and costs next to nothing. Processor time of this
 * process alone, garbage collection included, since a busy machine disturbs that least; every round measures every client.
 */
import { fork } from "node:child_process"
import * as Http from "node:http"
import { createServer } from "node:net"
import { availableParallelism, cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { Clock, Console, Effect, Exit, type Scope } from "effect"
import { Pool } from "undici"
import { type Outcome, Transport } from "../src/Transport.ts"

const atOnce = 64
const asksARound = 10_000
const warmUps = 3
const rounds = 15

const path = "/rooms/1001"
const headers = Object.entries({
  accept: "application/json",
  "x-envoy-expected-rq-timeout-ms": "800",
  "x-request-id": "0123456789abcdef0123456789abcdef",
  traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"
}).flat()

const body = JSON.stringify({ roomId: "1001", title: "x".repeat(220 - 29) })
const answer = [
  "HTTP/1.1 200 OK",
  "Server: nginx/1.28.0",
  "Date: Tue, 24 Nov 2026 12:00:00 GMT",
  "Content-Type: application/json",
  `Content-Length: ${body.length}`,
  "Connection: keep-alive",
  "",
  body
].join("\r\n")

/** The other process: one request a read, which is what a client sends that does not pipeline. */
const serve = () => {
  const bytes = Buffer.from(answer)
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", () => socket.write(bytes)).on("error", () => socket.destroy())
  })
  server.listen(0, "127.0.0.1", () => process.send?.(server.address()))
  process.once("disconnect", () => process.exit())
}

const served = Effect.acquireRelease(
  Effect.callback<{ readonly url: URL; readonly stop: () => void }>((resume) => {
    const server = fork(fileURLToPath(import.meta.url), ["serve"])
    server.once("message", ({ port }: { readonly port: number }) =>
      resume(Effect.succeed({ url: new URL(`http://127.0.0.1:${port}`), stop: () => server.disconnect() }))
    )
  }),
  ({ stop }) => Effect.sync(stop)
)

/** Asks once, and calls back with the length of the body. */
type Ask = (done: (length: number) => void) => void

const broken = (cause: unknown): never => {
  // A benchmark of failures would be worth nothing.
  console.error(cause)
  process.exit(1)
}

const ours = (url: URL): Effect.Effect<Ask, never, Scope.Scope> =>
  Effect.gen(function* () {
    const transport = yield* Transport
    const wire = yield* transport.connect({ upstream: "thing", baseUrl: url, maxResponse: 262_144 })
    const ask: Ask = (done) => {
      const tell = (outcome: Outcome) =>
        Exit.isSuccess(outcome) ? done(outcome.value.body.length) : broken(outcome.cause)
      wire({ request: () => ({ method: "GET", path, headers }) }, { tell })
    }
    return ask
  }).pipe(Effect.provide(Transport.layer))

const undici = (url: URL): Effect.Effect<Ask, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Pool(url, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0, maxResponseSize: 262_144 })),
    (pool) => Effect.promise(() => pool.destroy())
  ).pipe(
    Effect.map((pool): Ask => (done) => {
      const chunks: Array<Buffer> = []
      pool.dispatch(
        { path, method: "GET", headers },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData: (_, chunk) => void chunks.push(chunk),
          onResponseEnd: () => done(text(chunks).length),
          onResponseError: (_, error) => broken(error)
        }
      )
    })
  )

const node = (url: URL): Effect.Effect<Ask, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Http.Agent({ keepAlive: true })),
    (agent) => Effect.sync(() => agent.destroy())
  ).pipe(
    Effect.map((agent): Ask => {
      const named = ["host", url.host, ...headers]
      const options = { host: url.hostname, port: url.port, path, agent, headers: named }
      return (done) => {
        const request = Http.get(options, (response) => {
          const chunks: Array<Buffer> = []
          response.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => done(text(chunks).length))
        })
        request.on("error", broken)
      }
    })
  )

const text = (chunks: ReadonlyArray<Buffer>): string => {
  const [first] = chunks
  return (chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)).toString("utf8")
}

/** Microseconds of the processor's time for one exchange. */
const measure = (ask: Ask) =>
  Effect.callback<number>((resume) => {
    const before = process.cpuUsage()
    let asked = 0
    let answered = 0
    const next = () => {
      if (asked++ < asksARound) ask(done)
    }
    const done = (length: number) => {
      if (length !== body.length) broken(`a body of ${length}`)
      if (++answered < asksARound) return next()
      const { user, system } = process.cpuUsage(before)
      resume(Effect.succeed((user + system) / asksARound))
    }
    for (let nth = 0; nth < atOnce; nth++) next()
  })

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const program = Effect.gen(function* () {
  const { url } = yield* served
  const clients = [
    { name: "our wire", ask: yield* ours(url), taken: new Array<number>() },
    { name: "undici's Pool.dispatch", ask: yield* undici(url), taken: new Array<number>() },
    { name: "node:http with an Agent", ask: yield* node(url), taken: new Array<number>() }
  ]
  for (let round = -warmUps; round < rounds; round++) {
    for (const { ask, taken } of clients) {
      const micros = yield* measure(ask)
      if (round >= 0) taken.push(micros)
    }
  }
  const our = clients[0]?.taken ?? []
  const rows = clients.map(({ name, taken }) => {
    const [least, middle] = [Math.min(...taken), median(taken)]
    const ratios = [Math.min(...our) / least, median(our) / middle].map((ratio) => `${Math.round(ratio * 100)} %`)
    return `| ${name} | ${least.toFixed(1)} | ${middle.toFixed(1)} | ${ratios.join(" / ")} |`
  })
  const today = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
  yield* Console.log(
    [
      `${today}, ${machine}. Microseconds of processor time for one exchange, the least and the median of ${rounds} rounds of`,
      `${asksARound.toLocaleString("en")} exchanges, ${atOnce} at once.`,
      "",
      "| client | least | median | ours costs of it (least / median) |",
      "| --- | --- | --- | --- |",
      ...rows
    ].join("\n")
  )
}).pipe(Effect.scoped)

if (process.argv[2] === "serve") serve()
else await Effect.runPromise(program)
