/**
 * One upstream as an HTTP service: its routes after its latency and under its fault, its admin route, and clear answers for
 * what it does not have. A route is a function from parameters to an answer; everything about HTTP is here.
 */
import { Effect, Option, type Scope } from "effect"
import { HttpMiddleware, HttpRouter, HttpServerRequest, type HttpServer, type HttpServerResponse } from "effect/http"
import * as Admin from "./Admin.ts"
import * as Answer from "./Answer.ts"
import * as Fault from "./Fault.ts"
import type * as Id from "./Id.ts"
import type { SqliteError } from "./Sqlite.ts"

export interface Input {
  readonly path: Readonly<Record<string, string | undefined>>
  readonly query: Readonly<Record<string, Id.Raw>>
}

/** What answers `GET path`. Bad input and absent things are answers like any other. */
export interface Route {
  readonly path: `/${string}`
  readonly answer: (input: Input) => Effect.Effect<HttpServerResponse.HttpServerResponse, SqliteError>
}

type App = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  unknown,
  HttpServerRequest.HttpServerRequest | Scope.Scope
>

/** The whole service as one effect of the current request. */
export const make = (routes: ReadonlyArray<Route>, fault: Fault.Fault): Effect.Effect<App> => {
  // No handler fails, so what fails is that there is no route.
  const absent = Effect.map(HttpServerRequest.HttpServerRequest, noRoute(routes))
  return Effect.gen(function* () {
    const router = yield* Effect.provideService(HttpRouter.make, HttpRouter.RouterConfig, {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      // An id that is too long is bad input, not an unknown path.
      maxParamLength: Infinity
    })
    for (const route of routes) yield* router.add("GET", route.path, Fault.strike(fault, handler(route)))
    const admin = Admin.handlers(fault)
    yield* router.add("GET", Admin.path, admin.GET)
    yield* router.add("PUT", Admin.path, admin.PUT)
    yield* router.add("DELETE", Admin.path, admin.DELETE)
    return router
  }).pipe(Effect.map((router) => router.asHttpEffect().pipe(Effect.catch(() => absent))))
}

/** Serves it until the scope closes. Nobody wants spans or logs of a stand-in. */
export const serve = (server: HttpServer.HttpServer["Service"], app: App): Effect.Effect<void, never, Scope.Scope> =>
  Effect.provideService(server.serve(app), HttpMiddleware.TracerDisabledWhen, () => true)

const handler = (route: Route) =>
  Effect.flatMap(HttpRouter.RouteContext, ({ params }) =>
    Effect.flatMap(HttpServerRequest.ParsedSearchParams, (query) =>
      route
        .answer({ path: params, query })
        .pipe(Effect.catch((error) => Effect.as(Effect.logError(`${route.path}: ${error.message}`), Answer.internal)))
    )
  )

const noRoute = (routes: ReadonlyArray<Route>) => {
  const read = ["GET", "HEAD"]
  const known = [
    ...routes.map((route) => ({ pattern: pattern(route.path), methods: read })),
    { pattern: pattern(Admin.path), methods: ["DELETE", ...read, "PUT"] }
  ]
  const paths = routes.map((route) => `GET ${route.path}`).join(", ")
  return (request: HttpServerRequest.HttpServerRequest): HttpServerResponse.HttpServerResponse => {
    const path = request.url.replace(/[?#;].*$/s, "")
    if (Option.isNone(decode(path)))
      return Answer.error(400, "the path has a malformed percent-encoding: it should be UTF-8 as %XX")
    const allow = known.find((route) => route.pattern.test(path))?.methods.join(", ")
    return allow === undefined
      ? Answer.error(404, `no such path: there are ${paths}, and /admin/fault`)
      : Answer.error(405, `no ${request.method} here: it should be one of ${allow}`, { allow })
  }
}

const pattern = (path: string): RegExp => new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`)

const decode = Option.liftThrowable(decodeURIComponent)
