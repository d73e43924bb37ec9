/**
 * `GET /health/live`: the process runs. `GET /health/ready`: it takes new work; 503 from the moment a drain begins, so that
 * a load balancer looks elsewhere while the work under way is finished.
 */
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { Drain } from "./Drain.ts"
import * as Problem from "./Problem.ts"

const live = HttpRouter.add("GET", "/health/live", HttpServerResponse.jsonUnsafe({ status: "live" }))

const ready = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const drain = yield* Drain
    yield* router.add(
      "GET",
      "/health/ready",
      Effect.suspend(() =>
        drain.isDraining()
          ? Problem.respond({
              status: 503,
              tag: "Draining",
              detail: "The service is shutting down.",
              retryAfterMillis: 1_000
            })
          : Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "ready" }))
      )
    )
  })
)

/** Both routes. A probe is not work that a drain waits for. */
export const layer = Layer.mergeAll(live, ready)
