/**
 * The trace that a request belongs to, in the W3C form `traceparent: 00-{trace id}-{span id}-{flags}`. A trace that comes in
 * goes on with every upstream call; without one the edge begins one, unsampled, so that upstreams' logs can be joined.
 */
import { Context, type Random } from "effect"
import * as RequestId from "./RequestId.ts"

/** What of a `traceparent` goes on unchanged. The span id does not: each request on the wire has its own. */
export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string
  /** 2 hex digits: 01 where the trace is recorded. */
  readonly flags: string
}

/** The trace of the request being served; undefined where there is none. */
export const TraceContext: Context.Reference<TraceContext | undefined> = Context.Reference<TraceContext | undefined>(
  "@portico/call/TraceContext",
  { defaultValue: () => undefined }
)

/** The header that carries the trace, in and out. */
export const header = "traceparent"

/** Begins a trace that nobody records. */
export const make = (random: Random.Random): TraceContext => ({ traceId: RequestId.hex(random, 4), flags: "00" })

/** Reads a `traceparent`; undefined where it is malformed, as the standard asks. */
export const fromHeader = (value: string | undefined): TraceContext | undefined => {
  const match =
    value === undefined
      ? null
      : /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})/.exec(value)
  const [, traceId, flags] = match ?? []
  return traceId === undefined || flags === undefined ? undefined : { traceId, flags }
}

/** A `traceparent` for one request on the wire, with a span id of its own. */
export const toHeader = (trace: TraceContext, random: Random.Random): string =>
  `00-${trace.traceId}-${RequestId.hex(random, 2)}-${trace.flags}`
