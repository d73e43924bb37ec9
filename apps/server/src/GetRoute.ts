/** A route that is only read: its errors become problems, and any other method is refused. */
import * as Problem from "@portico/edge/Problem"
import { Effect } from "effect"
import type { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as EntryProblem from "./EntryProblem.ts"

/** Adds it. `handle` may fail with what an entry may. */
export const add = <R>(
  router: HttpRouter.HttpRouter,
  path: `/${string}`,
  handle: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    EntryProblem.EntryFailure,
    R | HttpServerRequest.HttpServerRequest | HttpRouter.RouteContext
  >
) =>
  Effect.gen(function* () {
    yield* router.add(
      "GET",
      path,
      Effect.catch(handle, (error) => Problem.respond(EntryProblem.of(error)))
    )
    for (const method of ["POST", "PUT", "PATCH", "DELETE"] as const) yield* router.add(method, path, notAllowed)
  })

const notAllowed = Problem.respond({ status: 405, tag: "MethodNotAllowed", detail: "Use GET." }, { allow: "GET, HEAD" })
