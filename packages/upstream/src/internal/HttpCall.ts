/** One request and its answer in terms of the domain: the headers that travel with every call, and what comes back of it. */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Clock, Effect, Predicate, Random, Schema } from "effect"
import type { Path } from "../Path.ts"
import * as RetryAfter from "../RetryAfter.ts"
import type { Response, Wire } from "../Transport.ts"
import { Payload, Rejected, Status, UpstreamError } from "../UpstreamError.ts"

/** Puts requests on the wire. `limit`, in milliseconds, is what one attempt is granted at most. */
export const sender = (upstream: string, wire: Wire, limit: number, onSend: () => void) => {
  const unsafe = new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) })
  return ({ method, path, body }: Path): Effect.Effect<Response, UpstreamError> =>
    Effect.withFiber((fiber) => {
      if (path === undefined) return Effect.fail(unsafe)
      onSend()
      const left = Deadline.left(fiber.getRef(Deadline.Deadline), fiber.getRef(Clock.Clock))
      const headers = ["accept", "application/json", Deadline.header, Deadline.toHeader(Math.min(limit, left))]
      const requestId = fiber.getRef(RequestId.RequestId)
      if (requestId !== "") headers.push(RequestId.header, requestId)
      const trace = fiber.getRef(TraceContext.TraceContext)
      if (trace !== undefined) {
        headers.push(TraceContext.header, TraceContext.toHeader(trace, fiber.getRef(Random.Random)))
      }
      if (body === undefined) return wire({ method, path, headers })
      headers.push("content-type", "application/json")
      return wire({ method, path, headers, body })
    })
}

/** What an upstream's answers mean. */
export interface Reader<A> {
  /** The JSON of a success; any other status, or a body that is not JSON, is an error. */
  readonly json: (response: Response) => Effect.Effect<unknown, UpstreamError>
  /** A JSON value as the schema says. */
  readonly decode: (json: unknown) => Effect.Effect<A, UpstreamError>
}

export const reader = <A>(upstream: string, output: Schema.ConstraintDecoder<A>): Reader<A> => {
  const decode = Schema.decodeUnknownExit(output)
  const notJson = new UpstreamError({ upstream, reason: new Payload({ why: "not JSON" }) })
  const notTheSchema = new UpstreamError({ upstream, reason: new Payload({ why: "not the schema" }) })
  return {
    json: (response) => {
      if (response.status < 200 || response.status > 299) return refused(upstream, response)
      const json = parseJson(response.body)
      return json === undefined ? Effect.fail(notJson) : Effect.succeed(json)
    },
    decode: (json) => {
      const decoded = decode(json)
      return decoded._tag === "Success" ? Effect.succeed(decoded.value) : Effect.fail(notTheSchema)
    }
  }
}

const refused = (upstream: string, { status, headers }: Response): Effect.Effect<never, UpstreamError> =>
  Effect.flatMap(RetryAfter.parse(headers["retry-after"]), (retryAfterMillis) =>
    Effect.fail(
      new UpstreamError({
        upstream,
        reason: new Status({ status, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) })
      })
    )
  )

// `undefined` is no JSON value: it can stand for "not JSON".
const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}

/** The items of a batch's answer by the field that names them; undefined where there are none. */
export const itemsBy = (answer: unknown, field: string): ReadonlyMap<string, unknown> | undefined => {
  if (!Predicate.hasProperty(answer, "items") || !Array.isArray(answer.items)) return undefined
  const items = new Map<string, unknown>()
  for (const item of answer.items) {
    if (Predicate.hasProperty(item, field) && typeof item[field] === "string") items.set(item[field], item)
  }
  return items
}
