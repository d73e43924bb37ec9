/**
 * `npx -y pnpm start`: the entry service, over the upstreams that the environment names, or over the embedded ones.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as FaultInjection from "@portico/upstream/FaultInjection"
import { Transport } from "@portico/upstream/Transport"
import { Cause, Console, Context, Data, Effect, Exit, Layer, Option, References } from "effect"
import { HttpServer, type HttpServerError } from "effect/http"
import * as EmbeddedUpstreams from "./EmbeddedUpstreams.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings.ts"

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

/** The five upstreams: where the environment says, else the embedded reference ones. */
const roomUpstreams = (settings: Settings.Settings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      if (settings.upstreams !== undefined) return RoomUpstreams.layer(endpoints(settings, settings.upstreams))
      const urls = yield* EmbeddedUpstreams.start(settings.data)
      for (const name of RoomUpstreams.names) {
        yield* Console.log(`portico: embedded upstream ${name.padEnd(10)} ${urls[name].origin}`)
      }
      return RoomUpstreams.layer(endpoints(settings, urls))
    })
  )

/** The wire; in staging, where the environment asks for it, with faults on purpose. */
const transport = ({ faults }: Settings.Settings) =>
  faults.size === 0 ? Transport.layer : FaultInjection.layer(faults).pipe(Layer.provide(Transport.layer))

const program = Effect.gen(function* () {
  yield* secondSignalEnds
  const settings = yield* Settings.load
  const server = Server.layer(settings).pipe(
    Layer.provide(roomUpstreams(settings)),
    Layer.provide(transport(settings)),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, settings.logLevel)),
    Layer.catchTag("ServeError", (error) => Layer.effectContext(Effect.fail(cannotListen(settings, error))))
  )
  const context = yield* Layer.build(server)
  const { address } = Context.get(context, HttpServer.HttpServer)
  yield* Console.log(`portico: listening on ${HttpServer.formatAddress(address)}`)
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.tapCause((cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    // What can go wrong has a message for the operator; what should not have happened has a stack.
    return Option.match(Cause.findErrorOption(cause), {
      onSome: (error) => Console.error(`portico: ${error.message}`),
      onNone: () => Effect.logFatal("portico broke", cause)
    })
  })
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
