/**
 * An error as a client sees it: RFC 9457 `application/problem+json`.
 *
 * Beside the standard members it carries `_tag` (which error), `reason` and `upstream` where one is to blame, and the
 * request's id, so that what a client reports can be found in the logs. It never carries a stack, a path or an upstream's
 * address.
 */
import * as RequestId from "@portico/call/RequestId"
import { Effect } from "effect"
import { HttpServerResponse } from "effect/http"

/** What went wrong. The rest of the body follows from it: `title` from the status, `type` is always `about:blank`. */
export interface Problem {
  readonly status: keyof typeof titles
  /** Which error. */
  readonly tag: string
  /** One sentence for the person who reads it. */
  readonly detail: string
  readonly reason?: string
  readonly upstream?: string
  /** When it is worth asking again, in milliseconds: becomes `Retry-After`, in whole seconds, at least 1. */
  readonly retryAfterMillis?: number
}

const titles = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
} as const

/**
 * The answer that carries the problem, under the current request's id. It is never stored (`cache-control: no-store`).
 *
 * @example
 * const answer = yield* Problem.respond({
 *   status: 503,
 *   tag: "Draining",
 *   detail: "The service is shutting down.",
 *   retryAfterMillis: 1_500
 * })
 * answer.status // => 503
 * answer.headers["retry-after"] // => "2"
 */
export const respond = (
  problem: Problem,
  headers?: Readonly<Record<string, string>>
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.withFiber((fiber) => Effect.succeed(response(problem, fiber.getRef(RequestId.RequestId), headers)))

/** {@link respond}, where the request's id is at hand. */
export const response = (
  { status, tag, detail, reason, upstream, retryAfterMillis }: Problem,
  requestId: string,
  headers?: Readonly<Record<string, string>>
): HttpServerResponse.HttpServerResponse => {
  const body = { type: "about:blank", title: titles[status], status, detail, _tag: tag, reason, upstream, requestId }
  return HttpServerResponse.text(JSON.stringify(body), {
    status,
    contentType: "application/problem+json",
    headers: {
      "cache-control": "no-store",
      ...headers,
      ...(retryAfterMillis === undefined
        ? {}
        : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMillis / 1000))) })
    }
  })
}

/** The problem that a bare status stands for. */
export const ofStatus = (status: number): Problem => {
  const known = isKnown(status) ? status : status < 500 ? 400 : 500
  const problem = {
    status: known,
    tag: titles[known].replaceAll(" ", ""),
    detail: details[known] ?? `${titles[known]}.`
  }
  return known === 503 ? { ...problem, retryAfterMillis: 1_000 } : problem
}

const isKnown = (status: number): status is Problem["status"] => status in titles

const details: Partial<Record<Problem["status"], string>> = {
  400: "The request cannot be understood.",
  404: "There is nothing at this path.",
  500: "Something broke on our side. The log has it under this request's id.",
  503: "The service is shutting down or overloaded. Ask again."
}
