/** One attempt in terms of the domain: a request with the headers that travel with every call, and what comes back of it. */
import * as Alarm from "@portico/call/Alarm"
import * as Backlog from "@portico/call/Backlog"
import * as Deadline from "@portico/call/Deadline"
import * as Direct from "@portico/call/Direct"
import * as Instant from "@portico/call/Instant"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Effect, Exit, Predicate, Schema } from "effect"
import { SchemaJITCompiler } from "effect/schema"
import type { Limit } from "../AttemptTimeout.ts"
import type { Path } from "../Path.ts"
import * as RetryAfter from "../RetryAfter.ts"
import type { Outcome, Request, Response, Sent, Source, Wire } from "../Transport.ts"
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

/** Reads an answer. */
interface Read<Q, A, E> {
  (response: Response, question: Q): Effect.Effect<A, E | UpstreamError>
}

/** One attempt: the question's request goes out, and what comes back within the limit is read. */
export const attempt = <Q, A, E>(
  { upstream, wire, limit, onSend }: Attempts,
  pathOf: (question: Q) => Path,
  read: Read<Q, A, E>
): Ask.Ask<Q, A, E | UpstreamError> => {
  const unsafe = Exit.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) }))
  return (call, asker) => {
    const now = call.surroundings.clock.currentTimeMillisUnsafe()
    // It lasts for as long as it may; the upstream is told for how long anybody waits for it, and not asked for nobody.
    const { until, late } = limit(now, call.until)
    const told = Math.min(until, call.waitedUntil())
    if (told <= now) return Direct.tell(asker, limit(now, told).late)
    const path = Ask.tried(() => pathOf(call.question))
    if (Exit.isExit(path) || path.path === undefined) return Direct.tell(asker, Exit.isExit(path) ? path : unsafe)
    onSend()
    const attempted = new Attempt(read, call, asker, late, path, told - now)
    return attempted.begin(wire(attempted, attempted), until)
  }
}

/** An attempt under way: from its request to what is read of the answer. */
class Attempt<Q, A, E> implements Source, Ask.Asker<Response, UpstreamError>, Backlog.Task, Alarm.Sleeper, Ask.Begun {
  private readonly read: Read<Q, A, E>
  private readonly call: Call<Q>
  private readonly asker: Ask.Asker<A, E | UpstreamError>
  private readonly late: Exit.Exit<never, UpstreamError>
  private readonly asked: Path
  /** What the upstream is told that is left, in milliseconds. */
  private readonly told: number
  private sent: Sent | undefined
  private alarm: Alarm.Alarm | undefined
  private outcome: Outcome | undefined
  /** Undefined until the outcome is gone on with. */
  private reading: Ask.Begun | undefined
  /** Nobody waits for it any longer, or its time has passed. */
  private left = false

  constructor(
    read: Read<Q, A, E>,
    call: Call<Q>,
    asker: Ask.Asker<A, E | UpstreamError>,
    late: Exit.Exit<never, UpstreamError>,
    asked: Path,
    told: number
  ) {
    this.read = read
    this.call = call
    this.asker = asker
    this.late = late
    this.asked = asked
    this.told = Instant.small(Math.floor(told))
  }

  request(): Request {
    const { method, path = "", body } = this.asked
    const { requestId, surroundings, trace } = this.call
    const headers = ["accept", "application/json", Deadline.header, Deadline.toHeader(this.told)]
    if (requestId !== "") headers.push(RequestId.header, requestId)
    if (trace !== undefined) headers.push(TraceContext.header, TraceContext.toHeader(trace, surroundings.random))
    if (body === undefined) return { method, path, headers }
    headers.push("content-type", "application/json")
    return { method, path, headers, body }
  }

  begin(sent: Sent, until: number): Ask.Begun {
    if (this.reading !== undefined) return this.reading
    this.sent = sent
    this.alarm = Alarm.setPatient(this.call.surroundings, until, this)
    return this
  }

  tell(outcome: Outcome): void {
    this.outcome = outcome
    Backlog.goOn(this.call.surroundings, this)
  }

  goOn(): void {
    const { alarm, asker, call, outcome, read } = this
    if (this.left || outcome === undefined) return
    // What is read of it is what is kept: its text need not outlive this.
    this.outcome = undefined
    this.reading = Ask.ended
    if (alarm !== undefined) Alarm.cancel(alarm)
    if (Exit.isFailure(outcome)) asker.tell(Exit.failCause(outcome.cause))
    else this.reading = Ask.settle(() => read(outcome.value, call.question), call, asker)
  }

  ring(): void {
    // An answer that waits to be gone on with is here: that this process is late is not the upstream's.
    if (this.reading !== undefined || this.outcome !== undefined || this.left) return
    this.left = true
    this.sent?.end()
    this.asker.tell(this.late)
  }

  end(): Effect.Effect<void> {
    if (this.reading !== undefined) return this.reading.end()
    if (this.left) return Effect.void
    this.left = true
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    this.sent?.end()
    return Effect.void
  }
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
