/** The entry by Effect as it comes: its HttpRouter, its undici HttpClient, Schema, Effect.all and Effect.timeout. */
import { createServer } from "node:http"
import { NodeHttpClient, NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Config, Duration, Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientResponse, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Equity, Live, Statistics, User, Version } from "./schemas.ts"

const upstream = (name: string) => Config.String(`PORTICO_UPSTREAM_${name}`)

const settings = Config.all({
  host: Config.String("PORTICO_HOST"),
  port: Config.Port("PORTICO_PORT"),
  version: upstream("VERSION"),
  live: upstream("LIVE"),
  user: upstream("USER"),
  equity: upstream("EQUITY"),
  statistics: upstream("STATISTICS")
})

const required = <A, E, R>(fetch: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(Effect.timeout(fetch, "800 millis")), ([took, data]) => ({
    status: "ok" as const,
    data,
    ms: Duration.toMillis(took)
  }))

const optional = <A, E, R>(fetch: Effect.Effect<A, E, R>) =>
  required(fetch).pipe(
    Effect.catch((error) => Effect.succeed({ status: "failed" as const, error: String(error), ms: 0 }))
  )

const routes = Layer.unwrap(
  Effect.gen(function* () {
    const { version, live, user, equity, statistics } = yield* settings
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)

    const get = <A>(url: string, schema: Schema.Codec<A>) =>
      Effect.flatMap(client.get(url), HttpClientResponse.schemaBodyJson(schema))

    const entry = Effect.fnUntraced(function* (roomId: string, userId: string, platform: string) {
      const parts = yield* Effect.all(
        {
          version: optional(get(`${version}/version?platform=${platform}`, Version)),
          live: required(get(`${live}/rooms/${roomId}`, Live)),
          user: required(get(`${user}/users/${userId}`, User)),
          equity: optional(get(`${equity}/users/${userId}/equity?roomId=${roomId}`, Equity)),
          statistics: optional(get(`${statistics}/rooms/${roomId}/statistics`, Statistics))
        },
        { concurrency: "unbounded" }
      )
      const complete = Object.values(parts).every((part) => part.status === "ok")
      return { roomId, userId, mode: "degrade", complete, parts }
    })

    const Id = Schema.String.check(Schema.isPattern(/^[\w-]{1,64}$/))
    const paths = HttpRouter.schemaPathParams(Schema.Struct({ roomId: Id }))
    const headers = HttpServerRequest.schemaHeaders(Schema.Struct({ "x-user-id": Id }))
    const queries = HttpServerRequest.schemaSearchParams(Schema.Struct({ platform: Schema.optionalKey(Id) }))

    return HttpRouter.add(
      "GET",
      "/v1/rooms/:roomId/entry",
      Effect.gen(function* () {
        const { roomId } = yield* paths
        const { "x-user-id": userId } = yield* headers
        const { platform = "web" } = yield* queries
        return yield* entry(roomId, userId, platform).pipe(
          Effect.timeout("1 second"),
          Effect.map((body) => HttpServerResponse.jsonUnsafe(body)),
          Effect.catch(() => Effect.succeed(HttpServerResponse.jsonUnsafe({ title: "Bad Gateway" }, { status: 502 })))
        )
      })
    )
  })
)

const server = Layer.unwrap(
  Effect.map(settings, ({ host, port }) => NodeHttpServer.layer(() => createServer(), { host, port }))
)

HttpRouter.serve(routes, { disableLogger: true }).pipe(
  Layer.provide(NodeHttpClient.layerUndici),
  Layer.provide(server),
  Layer.launch,
  NodeRuntime.runMain
)
