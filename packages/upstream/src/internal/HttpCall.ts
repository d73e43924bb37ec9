/** One attempt in terms of the domain: a request with the headers that travel with every call, and what comes back of it. */
import * as Alarm from "@portico/call/Alarm"
import * as Backlog from "@portico/call/Backlog"
import * as Deadline from "@portico/call/Deadline"
import * as Direct from "@portico/call/Direct"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Effect, Exit, Predicate, Schema } from "effect"
import { SchemaJITCompiler } from "effect/schema"
import type { Limit } from "../AttemptTimeout.ts"
import type { Path } from "../Path.ts"
import * as RetryAfter from "../RetryAfter.ts"
import type { Request, Response, Wire } from "../Transport.ts"
import { Payload, Rejected, Status, UpstreamError } from "../UpstreamError.ts"
import * as Ask from "./Ask.ts"
import type { Call } from "./Call.ts"
import type { Reading } from "./Reading.ts"

/** Where attempts go, how long one may last, and whom to tell that one goes out. */
export interface Attempts {
  readonly upstream: string
  readonly wire: Wire
  readonly limit: (now: number, deadline: number) => Limit
  readonly onSend: () => void
}

/** One attempt: the question's request goes out, and what comes back within the limit is read. */
export const attempt = <Q, A, E>(
  { upstream, wire, limit, onSend }: Attempts,
  pathOf: (question: Q) => Path,
  read: (response: Response, question: Q) => Effect.Effect<A, E | UpstreamError>
): Ask.Ask<Q, A, E | UpstreamError> => {
  const unsafe = Exit.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) }))
  return (call, done) => {
    const { surroundings, question } = call
    const now = surroundings.clock.currentTimeMillisUnsafe()
    const { until, late } = limit(now, call.until)
    if (until <= now) return Direct.tell(done, late)
    const path = Ask.tried(() => pathOf(question))
    if (Exit.isExit(path) || path.path === undefined) return Direct.tell(done, Exit.isExit(path) ? path : unsafe)
    const request = requestOf(path, path.path, call, until - now)
    let alarm: Alarm.Alarm | undefined
    let answered = false
    let left = false
    let endReading = Ask.ended
    onSend()
    const end = wire(request, (outcome) =>
      Backlog.goOn(surroundings, () => {
        if (left) return
        answered = true
        if (alarm !== undefined) Alarm.cancel(alarm)
        if (Exit.isFailure(outcome)) done(Exit.failCause(outcome.cause))
        else endReading = Ask.settle(() => read(outcome.value, question), call, done)
      })
    )
    if (answered) return () => endReading()
    const armed = Alarm.setPatient(surroundings, until, () => {
      if (answered || left) return
      left = true
      end()
      done(late)
    })
    alarm = armed
    return () => {
      if (answered) return endReading()
      if (left) return Effect.void
      left = true
      Alarm.cancel(armed)
      end()
      return Effect.void
    }
  }
}

const requestOf = ({ method, body }: Path, path: string, call: Call<unknown>, left: number): Request => {
  const headers = ["accept", "application/json", Deadline.header, Deadline.toHeader(left)]
  const { requestId, trace } = call
  if (requestId !== "") headers.push(RequestId.header, requestId)
  if (trace !== undefined) headers.push(TraceContext.header, TraceContext.toHeader(trace, call.surroundings.random))
  if (body === undefined) return { method, path, headers }
  headers.push("content-type", "application/json")
  return { method, path, headers, body }
}

/** What an upstream's answers mean. */
export interface Reader<A> {
  /** The JSON of a success; any other status, or a body that is not JSON, is an error. */
  readonly json: (response: Response) => Effect.Effect<unknown, UpstreamError>
  /** A JSON value as the schema says. */
  readonly decode: (json: unknown) => Exit.Exit<A, UpstreamError>
  /** The text of a success: both. */
  readonly text: (body: string) => Exit.Exit<A, UpstreamError>
  /** What a success brings. */
  readonly answer: (response: Response) => Effect.Effect<Reading<A>, UpstreamError>
}

export const reader = <A>(upstream: string, output: Schema.ConstraintDecoder<A>): Reader<A> => {
  // Compiled where that is allowed, else interpreted: a tenth of what an entry costs (apps/bench/NOTES.md).
  SchemaJITCompiler.enable(output.ast)
  const decodeExit = Schema.decodeUnknownExit(output)
  const notJson = Exit.fail(new UpstreamError({ upstream, reason: new Payload({ why: "not JSON" }) }))
  const notTheSchema = Exit.fail(new UpstreamError({ upstream, reason: new Payload({ why: "not the schema" }) }))
  const decode = (json: unknown) => {
    const decoded = decodeExit(json)
    return Exit.isSuccess(decoded) ? Exit.succeed(decoded.value) : notTheSchema
  }
  const parse = (body: string): Exit.Exit<unknown, UpstreamError> => {
    const value = parseJson(body)
    return value === undefined ? notJson : Exit.succeed(value)
  }
  const text = (body: string) => {
    const value = parse(body)
    return Exit.isSuccess(value) ? decode(value.value) : Exit.failCause(value.cause)
  }
  const read = <B>(response: Response, of: (body: string) => Exit.Exit<B, UpstreamError>) =>
    response.status < 200 || response.status > 299 ? refused(upstream, response) : of(response.body)
  return {
    json: (response) => read(response, parse),
    decode,
    text,
    answer: (response) => read(response, (body) => Exit.map(text(body), (value) => ({ value, text: body })))
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

/** The JSON of what was JSON; undefined where it is nested so deeply that only a parser could tell. */
export const textOf = (json: unknown): string | undefined => {
  try {
    return JSON.stringify(json)
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
