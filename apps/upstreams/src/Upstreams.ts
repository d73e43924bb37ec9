/**
 * The five reference upstreams in one process: version, live, user, equity and statistics, each an HTTP service on its own
 * port, all over one SQLite file. Embed them where nothing real is configured, in demos and in tests of the whole.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Effect, Layer, Record, Scope } from "effect"
import type { HttpServerError } from "effect/http"
import * as Database from "./Database.ts"
import * as Equity from "./Equity.ts"
import * as Fault from "./Fault.ts"
import * as Latency from "./Latency.ts"
import * as Live from "./Live.ts"
import * as Service from "./Service.ts"
import * as Sqlite from "./Sqlite.ts"
import { StartError } from "./StartError.ts"
import * as Statistics from "./Statistics.ts"
import * as User from "./User.ts"
import * as Version from "./Version.ts"

export type Name = "version" | "live" | "user" | "equity" | "statistics"

export const names: ReadonlyArray<Name> = ["version", "live", "user", "equity", "statistics"]

/** Where the five listen, such as `http://127.0.0.1:41234`. */
export class Upstreams extends Context.Service<Upstreams, { readonly baseUrls: Readonly<Record<Name, string>> }>()(
  "@portico/app-upstreams/Upstreams"
) {}

export interface Options {
  /** The folder of the SQLite file, such as `.data`; made if missing. */
  readonly data: string
  /** 127.0.0.1 */
  readonly host?: string
  /** 0, the default, is any free port. */
  readonly ports?: Partial<Record<Name, number>>
  /** How long answers take, in milliseconds: 10 to 60. */
  readonly latency?: { readonly min: number; readonly max: number }
}

/** Fills the database if need be, and serves the five until the scope closes. */
export const layer = (options: Options): Layer.Layer<Upstreams, StartError> => Layer.effect(Upstreams, start(options))

const routes = {
  version: Version.routes,
  live: Live.routes,
  user: User.routes,
  equity: Equity.routes,
  statistics: Statistics.routes
}

const start = (options: Options): Effect.Effect<Upstreams["Service"], StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const sqlite = yield* Database.open(options.data)
    // The five stop at once, so that the grace for what is in flight is one grace and not five.
    const servers = yield* Scope.fork(yield* Effect.scope, "parallel")
    const baseUrls = yield* Effect.all(
      Record.map(routes, (routes, name) =>
        serve(options, name, Effect.provideService(routes, Sqlite.Sqlite, sqlite)).pipe(
          Effect.provideServiceEffect(Scope.Scope, Scope.fork(servers))
        )
      ),
      { concurrency: "unbounded" }
    )
    return Upstreams.of({ baseUrls })
  })

const serve = (
  options: Options,
  name: Name,
  routes: Effect.Effect<ReadonlyArray<Service.Route>, Sqlite.SqliteError>
): Effect.Effect<string, StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const port = options.ports?.[name] ?? 0
    const host = options.host ?? "127.0.0.1"
    // Node throws on such a port where it tells of every other trouble by an event.
    if (!Number.isInteger(port) || port < 0 || port > 65_535) return yield* noPort(name, port)
    const fault = Fault.make(options.latency ?? Latency.usual)
    const app = yield* Service.make(yield* Effect.mapError(routes, notOurs), fault)
    const server = yield* NodeHttpServer.make(() => createServer(), {
      port,
      host,
      // A request that was told to hang must not hold up the end.
      gracefulShutdownTimeout: "200 millis"
    }).pipe(Effect.mapError((error) => notListening(name, host, port, error)))
    yield* Service.serve(server, app)
    const { address } = server
    return `http://${host.includes(":") ? `[${host}]` : host}:${address._tag === "UnixPathAddress" ? port : address.port}`
  })

const notOurs = (cause: Sqlite.SqliteError) =>
  new StartError({
    reason: "DataFile",
    what: `The data file does not have the tables it should have (${cause.message})`,
    todo: "Remove it: it is made again at the next start",
    cause
  })

const noPort = (name: Name, port: number) =>
  new StartError({
    reason: "Listen",
    what: `The upstream ${name} cannot listen on port ${port}: there is no such port`,
    todo: "Give a port from 0 (any free one) to 65535"
  })

const notListening = (name: Name, host: string, port: number, { cause }: HttpServerError.ServeError) => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  return code === "EADDRINUSE"
    ? new StartError({
        reason: "PortTaken",
        what: `The upstream ${name} cannot listen on ${host}:${port}: something else does`,
        todo: "Stop that, or give another port (0 is any free one)",
        cause
      })
    : new StartError({
        reason: "Listen",
        what: `The upstream ${name} cannot listen on ${host}:${port} (${cause instanceof Error ? cause.message : String(cause)})`,
        todo: "Give a host of this machine, and a port that this user may open",
        cause
      })
}
