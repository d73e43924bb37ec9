/**
 * `npx -y pnpm start`: the entry service, over the upstreams that the environment names, or over the embedded ones.
 */
import type { Worker } from "node:cluster"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Heap from "@portico/edge/Heap"
import * as SteadyClock from "@portico/edge/SteadyClock"
import * as Telemetry from "@portico/edge/Telemetry"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as FaultInjection from "@portico/upstream/FaultInjection"
import { Transport } from "@portico/upstream/Transport"
import { Cause, Console, Context, Data, Effect, Exit, Layer, Option, References } from "effect"
import { HttpServer, type HttpServerError } from "effect/http"
import * as EmbeddedUpstreams from "./EmbeddedUpstreams.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings.ts"
import * as Workers from "./Workers.ts"
import * as WorkersChannel from "./WorkersChannel.ts"
import * as WorkersProcess from "./WorkersProcess.ts"

const endpoints = (settings: Settings.Settings, urls: Readonly<Record<RoomUpstreams.Name, URL>>) => {
  const endpoint = (name: RoomUpstreams.Name) => ({
    baseUrl: urls[name],
    timeout: settings.upstreamTimeouts[name],
    maxResponse: settings.maxResponse,
    batch: (name === "user" || name === "equity") && settings.batch[name]
  })
  return {
    version: endpoint("version"),
    live: endpoint("live"),
    user: endpoint("user"),
    equity: endpoint("equity"),
    statistics: endpoint("statistics")
  }
}

/** Where the five upstreams are: where the environment says, else the embedded reference ones. */
const upstreams = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    if (settings.upstreams !== undefined) return settings.upstreams
    const urls = yield* EmbeddedUpstreams.start(settings.data)
    for (const name of RoomUpstreams.names) {
      yield* Console.log(`portico: embedded upstream ${name.padEnd(10)} ${urls[name].origin}`)
    }
    return urls
  })

/** The wire; in staging, where the environment asks for it, with faults on purpose. */
const transport = ({ faults }: Settings.Settings) =>
  faults.size === 0 ? Transport.layer : FaultInjection.layer(faults).pipe(Layer.provide(Transport.layer))

/** Serves as long as the scope lasts; answers the address. */
const serve = (settings: Settings.Settings & Server.ServerSettings, urls: Readonly<Record<RoomUpstreams.Name, URL>>) =>
  Layer.build(
    Server.layer(settings).pipe(
      Layer.provide(RoomUpstreams.layer(endpoints(settings, urls))),
      Layer.provide(transport(settings))
    )
  ).pipe(Effect.map((context) => HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)))

const announce = (address: string) => Console.log(`portico: listening on ${address}`)

/** One process alone, or the primary of several. */
const alone = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    yield* secondSignalEnds
    const urls = yield* upstreams(settings)
    if (settings.workers > 1) return yield* Workers.run(settings, urls, announce)
    yield* announce(yield* serve(settings, urls))
    return yield* Effect.never
  })

/** One of several, which the primary has told where its upstreams are. */
const asWorker = (settings: Settings.Settings, self: Worker) =>
  Effect.gen(function* () {
    const urls = yield* upstreams(settings)
    const { ask, listens } = yield* WorkersChannel.make(self, Telemetry.own)
    yield* Effect.provideService(serve({ ...settings, sharesPort: true }, urls), Telemetry.Exposition, ask)
    yield* listens
    return yield* Effect.never
  })

const program = Effect.gen(function* () {
  yield* Heap.tuned
  const settings = yield* Settings.load
  const self = WorkersProcess.self()
  return yield* (self === undefined ? alone(settings) : asWorker(settings, self)).pipe(
    Effect.catchTag("ServeError", (error) => cannotListen(settings, error)),
    Effect.provideService(References.MinimumLogLevel, settings.logLevel)
  )
}).pipe(
  Effect.scoped,
  Effect.tapCause((cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    // What can go wrong has a message for the operator; what should not have happened has a stack.
    return Option.match(Cause.findErrorOption(cause), {
      onSome: (error) => Console.error(`portico: ${error.message}`),
      onNone: () => Effect.logFatal("portico broke", cause)
    })
  }),
  Effect.provide(SteadyClock.layer)
)

class CannotListen extends Data.TaggedError("CannotListen")<{ readonly message: string }> {}

const cannotListen = ({ host, port }: Settings.Settings, { cause }: HttpServerError.ServeError) => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
  const message =
    code === "EADDRINUSE"
      ? `port ${port} of ${host} is taken: choose another with PORTICO_PORT, such as PORTICO_PORT=${port + 1}, or 0 for any free one`
      : `cannot listen on ${host}:${port} (${String(code ?? cause)}): see PORTICO_HOST and PORTICO_PORT`
  return new CannotListen({ message })
}

// The first signal begins the drain (runMain interrupts the program); whoever asks twice does not want to wait.
const secondSignalEnds = Effect.acquireRelease(
  Effect.sync(() => {
    let signals = 0
    const onSignal = () => {
      if (++signals === 2) process.exit(1)
    }
    process.on("SIGINT", onSignal).on("SIGTERM", onSignal)
    return onSignal
  }),
  (onSignal) => Effect.sync(() => process.off("SIGINT", onSignal).off("SIGTERM", onSignal))
)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  // To have been told to end, and to have ended, is a success.
  teardown: (exit, onExit) => onExit(Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? 1 : 0)
})
