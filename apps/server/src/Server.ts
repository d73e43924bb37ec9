/**
 * The service as one Layer: routes over the edge over the upstreams over the wire. `main.ts` runs it; a test builds it with
 * other upstreams.
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Drain from "@portico/edge/Drain"
import * as Envelope from "@portico/edge/Envelope"
import { EventLoop } from "@portico/edge/EventLoop"
import * as Health from "@portico/edge/Health"
import * as LoadShed from "@portico/edge/LoadShed"
import * as Telemetry from "@portico/edge/Telemetry"
import { RoomApi } from "@portico/room/RoomApi"
import type { RoomUpstreams } from "@portico/room/RoomUpstreams"
import { Clock, Duration, Effect, Exit, Layer, Random } from "effect"
import { HttpMiddleware, HttpRouter, type HttpServer, type HttpServerError, HttpServerResponse } from "effect/http"
import { HttpApiScalar, OpenApi } from "effect/http-api"
import * as EntryLane from "./EntryLane.ts"
import * as EntryRoute from "./EntryRoute.ts"
import * as FrontDoor from "./FrontDoor.ts"
import * as PreviewRoute from "./PreviewRoute.ts"
import type { Settings } from "./Settings.ts"

/** Where it listens, what an entry is granted, how long it may take to leave. */
export type ServerSettings = Pick<Settings, "host" | "port" | "entryDeadline" | "drain"> &
  Partial<Pick<Settings, "maxInFlight">> & {
    /** Whether others listen on the port beside it: the kernel deals the connections out. Not to be had everywhere. */
    readonly sharesPort?: boolean
  }

const openApi = HttpRouter.add("GET", "/openapi.json", HttpServerResponse.jsonUnsafe(OpenApi.fromApi(RoomApi)))

const docsPage = HttpRouter.toHttpEffect(HttpApiScalar.layer(RoomApi, { path: "/docs" }))

// The page is 6 MB of script, which most processes never serve: loaded when somebody asks, and if that goes well for all.
const docs = Layer.unwrap(
  Effect.map(
    Effect.cachedWithTTL(docsPage, (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)),
    (page) => HttpRouter.add("GET", "/docs", Effect.flatten(page))
  )
)

const routes = (settings: ServerSettings) =>
  Layer.mergeAll(
    EntryRoute.layer(settings.entryDeadline),
    PreviewRoute.layer(settings.entryDeadline),
    Health.layer,
    Telemetry.layer,
    openApi,
    docs
  ).pipe(Layer.provide(Envelope.layer))

// Node's own limits against slow and oversized requests. An entry has no body, so none is made ready to be read. No
// upgrades: of one that is sent behind another request Node would leave the socket open for good once its client has left.
const limits = {
  shouldUpgradeCallback: () => false,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  optimizeEmptyRequests: true
}

/** The server; entries stand in line in front of everything. */
const httpServer = (settings: ServerSettings) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const shed = yield* LoadShed.LoadShed
      const drain = yield* Drain.Drain
      const random = yield* Random.Random
      const clock = yield* Clock.Clock
      const { afterTurn } = yield* EventLoop
      const guards = (path: string) => path.startsWith("/v1/rooms/")
      const usefulFor = Duration.toMillis(settings.entryDeadline)
      const { server, door } = FrontDoor.make(limits, { shed, drain, random, clock, guards, usefulFor, afterTurn })
      return Layer.merge(
        NodeHttpServer.layer(() => server, {
          host: settings.host,
          port: settings.port,
          reusePort: settings.sharesPort === true && process.platform === "linux",
          gracefulShutdownTimeout: "100 millis"
        }),
        Layer.succeed(FrontDoor.FrontDoor, door)
      )
    })
  )

const loadShed = (maxInFlight = LoadShed.maxInFlight) =>
  maxInFlight === Infinity ? LoadShed.LoadShed.layerUnlimited : LoadShed.LoadShed.layer({ maxInFlight })

// Built on top of the running server, it is taken down first: the drain comes before the server closes.
const drainFirst = (settings: ServerSettings) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const drain = yield* Drain.Drain
      yield* Effect.addFinalizer(() => drain.drain(settings.drain))
    })
  )

/** Serves until its scope closes; then drains, and closes. What has not ended after the drain is interrupted. */
export const layer = (
  settings: ServerSettings
): Layer.Layer<HttpServer.HttpServer, HttpServerError.ServeError, RoomUpstreams> => {
  const served = HttpRouter.serve(routes(settings), {
    disableLogger: true,
    disableListenLog: true,
    // A longer id is a bad id, and gets the answer of one.
    routerConfig: { maxParamLength: 16_384 }
  }).pipe(Layer.provideMerge(httpServer(settings)))
  return drainFirst(settings).pipe(
    // Above the routes: what it hands on as it closes is still answered.
    Layer.provideMerge(EntryLane.layer(settings.entryDeadline)),
    Layer.provideMerge(served),
    Layer.provide(Drain.Drain.layer),
    Layer.provide(loadShed(settings.maxInFlight)),
    Layer.provide(EventLoop.layer),
    // Nobody collects the spans.
    Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true))
  )
}
