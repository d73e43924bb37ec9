/**
 * Who asks. For development the header `x-user-id` is believed; whoever sends none is a guest.
 *
 * The subject is a claim about a name, not yet a name of the domain: the service checks its form.
 */
import type { HttpServerRequest } from "effect/http"

/** The subject of a request; undefined for a guest. */
export const subject = (request: HttpServerRequest.HttpServerRequest): string | undefined =>
  request.headers["x-user-id"]
