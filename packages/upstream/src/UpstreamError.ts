/**
 * What can go wrong between a call and its upstream: one error, and inside it the reason.
 *
 * Callers carry one type and open it where they care (`Effect.catchReason`, or a look at `error.reason._tag`). Each reason
 * says here, once, whether another attempt may help (`retryable`) and whether it speaks against the upstream's health
 * (`counts`); no policy derives either again from a status or a message. Messages name the upstream and never its address.
 */
import { Schema } from "effect"

/** No answer was had: the connection was refused, reset, not found, not trusted, or did not speak HTTP. */
export class Unreachable extends Schema.TaggedClass<Unreachable>()("Unreachable", {
  why: Schema.Literals(["refused", "reset", "dns", "tls", "connect timeout", "not HTTP", "other"])
}) {
  readonly retryable = true
  readonly counts = true
  get message(): string {
    return `could not be reached (${this.why})`
  }
}

/**
 * Time ran out: the attempt's own limit, or the deadline of whoever waits. Only the former says something about the
 * upstream, and only after it another attempt can be paid.
 */
export class Timeout extends Schema.TaggedClass<Timeout>()("Timeout", {
  limit: Schema.Literals(["attempt", "deadline"])
}) {
  get retryable() {
    return this.limit === "attempt"
  }
  get counts() {
    return this.limit === "attempt"
  }
  get message(): string {
    return this.limit === "attempt" ? "did not answer within its timeout" : "did not answer before the deadline"
  }
}

/** An answer with a status that is neither a success nor one that the upstream's definition gives a meaning. */
export class Status extends Schema.TaggedClass<Status>()("Status", {
  status: Schema.Int,
  /** What `Retry-After` asks for, in milliseconds. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {
  get retryable() {
    return this.status === 429 || this.status >= 500
  }
  get counts() {
    return this.status >= 500
  }
  get message(): string {
    return `answered ${this.status}`
  }
}

/** A success whose body is not what the contract says. Asking again would bring the same. */
export class Payload extends Schema.TaggedClass<Payload>()("Payload", {
  why: Schema.Literals(["not JSON", "not the schema", "over the size limit"])
}) {
  readonly retryable = false
  readonly counts = true
  get message(): string {
    return `answered with a body that is ${this.why}`
  }
}

const notAsked = {
  "circuit breaker": "its circuit is open",
  bulkhead: "too many calls are under way",
  path: "the input makes no path"
} as const

/** Not sent at all, by our own decision. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", {
  by: Schema.Literals(["circuit breaker", "bulkhead", "path"]),
  /** When it is worth asking again, in milliseconds, where that is known. */
  retryAfterMillis: Schema.optionalKey(Schema.Finite)
}) {
  readonly retryable = false
  readonly counts = false
  get message(): string {
    return `was not asked: ${notAsked[this.by]}`
  }
}

/** Why a call failed: one of the five above. */
export const Reason = Schema.Union([Unreachable, Timeout, Status, Payload, Rejected])
export type Reason = typeof Reason.Type

/** A call to `upstream` failed for `reason`. */
export class UpstreamError extends Schema.TaggedError<UpstreamError>()("UpstreamError", {
  upstream: Schema.String,
  reason: Reason
}) {
  override get message() {
    return `${this.upstream} ${this.reason.message}`
  }
  get retryable(): boolean {
    return this.reason.retryable
  }
  get counts(): boolean {
    return this.reason.counts
  }
  /** How long to wait before asking again, in milliseconds, where the reason knows. */
  get retryAfterMillis(): number | undefined {
    return "retryAfterMillis" in this.reason ? this.reason.retryAfterMillis : undefined
  }
}

/** Whether an error of unknown type is an {@link UpstreamError}. */
export const is = Schema.is(UpstreamError)
