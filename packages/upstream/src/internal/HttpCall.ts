/** One attempt in terms of the domain: a request with the headers that travel with every call, and what comes back of it. */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Clock, Effect, Exit, type Fiber, Predicate, Random, Schema } from "effect"
import type { Limit } from "../AttemptTimeout.ts"
import type { Path } from "../Path.ts"
import * as RetryAfter from "../RetryAfter.ts"
import type { Request, Response, Wire } from "../Transport.ts"
import { Payload, Rejected, Status, UpstreamError } from "../UpstreamError.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** One attempt: the request goes out, and what comes back within the limit is read. */
export const attempter =
  (upstream: string, wire: Wire, limitOf: (fiber: AnyFiber) => Limit, onSend: () => void) =>
  <A, E>(
    fiber: AnyFiber,
    path: Path,
    read: (response: Response) => Effect.Effect<A, E | UpstreamError>
  ): Effect.Effect<A, E | UpstreamError> => {
    if (path.path === undefined) {
      return Effect.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) }))
    }
    const { until, late } = limitOf(fiber)
    const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
    if (until <= now) return late
    const request = requestOf(path, path.path, fiber, until - now)
    return Effect.callback<A, E | UpstreamError>((resume) => {
      let alarm: Alarm.Alarm | undefined
      let answered = false
      onSend()
      const end = wire(
        request,
        (outcome) => {
          answered = true
          if (alarm !== undefined) Alarm.cancel(alarm)
          // Suspended: what is thrown in reading is the caller's defect, and not thrown at the wire.
          resume(Exit.isSuccess(outcome) ? Effect.suspend(() => read(outcome.value)) : Effect.failCause(outcome.cause))
        },
        fiber
      )
      if (answered) return
      alarm = Alarm.set(fiber, until, () => {
        end()
        resume(late)
      })
      const armed = alarm
      return Effect.sync(() => {
        Alarm.cancel(armed)
        end()
      })
    })
  }

const requestOf = ({ method, body }: Path, path: string, fiber: AnyFiber, left: number): Request => {
  const headers = ["accept", "application/json", Deadline.header, Deadline.toHeader(left)]
  const requestId = fiber.getRef(RequestId.RequestId)
  if (requestId !== "") headers.push(RequestId.header, requestId)
  const trace = fiber.getRef(TraceContext.TraceContext)
  if (trace !== undefined) headers.push(TraceContext.header, TraceContext.toHeader(trace, fiber.getRef(Random.Random)))
  if (body === undefined) return { method, path, headers }
  headers.push("content-type", "application/json")
  return { method, path, headers, body }
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
const parseJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
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
