/**
 * Several processes on one port, for a machine with several cores: `PORTICO_WORKERS`. This is the primary, which serves
 * nothing itself: it starts the workers, replaces those that die, adds up their numbers, and ends them.
 *
 * Every worker is the whole service, with caches, circuits, budgets and limits of its own: what an upstream sees of retries
 * and probes is up to so many times what one process sends.
 *
 * Each worker has a listener of its own on the port (SO_REUSEPORT), and the kernel deals the connections out. Measured with two
 * workers, so that shares count and rates do not; the last column on one core, with an entry a connection:
 *
 * | | 64 connections went | with one worker hanging, of 20 clients | of 3,000 entries/s, more than it can do, in time |
 * | --- | --- | --- | --- |
 * | a listener each (reusePort) | 42 to 22 at worst | 8 were served | 2,300 to 2,800 |
 * | the primary accepts, round robin | 42 to 22 at worst | 19 | 0 |
 * | a shared listener (SCHED_NONE) | 64 to 0 at worst | 20 | |
 *
 * What a primary accepts has no end: with round robin connections wait in it for a worker, by the ten thousand, until nobody is
 * served in time, where the queues of the kernel are short and turn away whoever comes too late. So the workers listen, and
 * the two things that speak against it are seen to: one that hangs is killed, and the port is claimed for a moment without
 * sharing, so that a second service does not start on it. What waits for a worker that ends is lost. Where the kernel does not
 * deal out (it is Linux' here) it is round robin.
 */
import cluster from "node:cluster"
import { type AddressInfo, createServer, type Server } from "node:net"
import * as Telemetry from "@portico/edge/Telemetry"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { Clock, Console, Data, Effect, Layer, Metric, type Scope } from "effect"
import { HttpServer, HttpServerError } from "effect/http"
import { NetAddress } from "effect/net"
import * as Settings from "./Settings.ts"
import * as WorkersNumbers from "./WorkersNumbers.ts"
import * as WorkersProcess from "./WorkersProcess.ts"

/** A worker that cannot even begin: another one could not either. It has said itself what is wrong. */
export class WorkerFailed extends Data.TaggedError("WorkerFailed")<{ readonly message: string }> {}

/** Runs them until it is interrupted, then drains them all. `announce` is told the address once all of them listen. */
export const run = (
  settings: Settings.Settings,
  urls: Readonly<Record<RoomUpstreams.Name, URL>>,
  announce: (address: string) => Effect.Effect<void>
): Effect.Effect<never, WorkerFailed | HttpServerError.ServeError, Scope.Scope> =>
  Effect.gen(function* () {
    const address = yield* claim(settings)
    yield* killWithThis
    const context = yield* Layer.build(Telemetry.ofProcess)
    const numbers = WorkersNumbers.make(Effect.provide(Telemetry.own, context))
    const environment = {
      PORTICO_PORT: String(address.port),
      ...Object.fromEntries(RoomUpstreams.names.map((name) => [Settings.variable(name), urls[name].href]))
    }
    cluster.schedulingPolicy = cluster.SCHED_RR
    let begun = 0
    const watch = (index: number): Watch => ({
      up: (worker, isFirst) =>
        Effect.gen(function* () {
          numbers.join(worker)
          yield* Console.log(`portico: worker ${index} is process ${worker.pid}`)
          yield* Metric.modify(running, 1)
          if (isFirst && ++begun === settings.workers) yield* announce(HttpServer.formatAddress(address))
        }),
      down: (worker) =>
        Effect.gen(function* () {
          numbers.leave(worker)
          yield* Metric.modify(running, -1)
          yield* Metric.update(ended, 1)
        })
    })
    const worker = (index: number) =>
      WorkersProcess.start({
        environment: { ...environment, [WorkersProcess.variable]: String(index) },
        drain: settings.drain,
        numbers: numbers.text
      })
    const indices = Array.from({ length: settings.workers }, (_, i) => i + 1)
    yield* Effect.forEach(indices, (index) => keep(`worker ${index}`, worker(index), watch(index)), {
      concurrency: "unbounded",
      discard: true
    })
    return yield* Effect.never
  })

const running = Metric.gauge("workers_running", { description: "Workers that serve" })
const ended = Metric.counter("workers_ended_total", { description: "Workers that ended", incremental: true })

/** What happens to the workers of one place. */
export interface Watch {
  /** One listens: the first in its place, or one after it. */
  readonly up: (worker: WorkersProcess.WorkersProcess, isFirst: boolean) => Effect.Effect<void>
  /** One that listened has ended. */
  readonly down: (worker: WorkersProcess.WorkersProcess) => Effect.Effect<void>
}

/** The pause before a worker is replaced: it doubles while workers end soon after they began. */
const shortest = 100
const longest = 10_000

/** One that lived so long, in milliseconds, did not end because of how it began. */
const settled = 10_000

/** So often a worker is asked whether it still answers, and so long it may take to: no pause that it works through is as long. */
const heartbeat = "2 seconds"
const silence = "5 seconds"

/**
 * The kernel goes on dealing connections out to a worker that hangs, and nobody else can take them. It is asked twice: after
 * a pause of the whole machine the first question's time is over before its answer can be read.
 */
const killOnceItHangs = (name: string, worker: WorkersProcess.WorkersProcess) =>
  worker.ask.pipe(
    Effect.timeout(silence),
    Effect.retry({ times: 1 }),
    Effect.andThen(Effect.sleep(heartbeat)),
    Effect.forever,
    Effect.catchTag("TimeoutError", () =>
      Effect.logWarning(`${name} (process ${worker.pid}) has not answered for 10 s: it is killed`)
    ),
    Effect.andThen(worker.kill)
  )

/**
 * Keeps a worker running in one place: whenever one ends, or hangs, another is started. Fails where not even the first
 * listens.
 */
export const keep = (
  name: string,
  start: Effect.Effect<WorkersProcess.WorkersProcess, never, Scope.Scope>,
  watch: Watch
): Effect.Effect<never, WorkerFailed> =>
  Effect.gen(function* () {
    let isFirst = true
    let pause = 0
    for (;;) {
      const from = yield* Clock.currentTimeMillis
      const { pid, manner, listened } = yield* Effect.scoped(
        Effect.gen(function* () {
          const worker = yield* start
          const listened = yield* Effect.raceFirst(Effect.as(worker.listening, true), Effect.as(worker.ended, false))
          if (listened) yield* watch.up(worker, isFirst)
          const killed = Effect.andThen(killOnceItHangs(name, worker), Effect.never)
          const manner = yield* listened ? Effect.raceFirst(worker.ended, killed) : worker.ended
          if (listened) yield* watch.down(worker)
          return { pid: worker.pid, manner, listened }
        })
      )
      if (isFirst && !listened)
        return yield* new WorkerFailed({ message: `${name} ended ${manner} before it listened` })
      isFirst = false
      const lived = (yield* Clock.currentTimeMillis) - from
      pause = lived < settled ? Math.min(Math.max(shortest, pause * 2), longest) : shortest
      yield* Effect.logWarning(`${name} (process ${pid}) ended ${manner}: another one starts in ${pause} ms`)
      yield* Effect.sleep(pause)
    }
  })

/**
 * Makes sure of the port before there are workers: if it is taken one process says so, and if it may be any free one all
 * workers get the same, also those that come when no other is left to share it with.
 */
const claim = ({ host, port }: Settings.Settings) =>
  Effect.callback<AddressInfo, unknown>((resume) => {
    const server = createServer()
    server.once("error", (cause) => resume(Effect.fail(cause)))
    server.listen({ host, port }, () => {
      const address = server.address()
      server.close(() => resume(isInet(address) ? Effect.succeed(address) : Effect.fail("not an address and port")))
    })
    return Effect.sync(() => server.close())
  }).pipe(
    Effect.flatMap(({ address, port }) => Effect.fromResult(NetAddress.inetAddressFromIpString(address, port))),
    Effect.mapError((cause) => new HttpServerError.ServeError({ cause }))
  )

const isInet = (address: ReturnType<Server["address"]>): address is AddressInfo =>
  typeof address === "object" && address !== null

/** However this process ends, if it still can do something then it takes its workers along, even those that hang. */
const killWithThis = Effect.acquireRelease(
  Effect.sync(() => {
    const kill = () => Object.values(cluster.workers ?? {}).forEach((worker) => worker?.process.kill("SIGKILL"))
    process.once("exit", kill)
    return kill
  }),
  (kill) => Effect.sync(() => process.off("exit", kill))
)
