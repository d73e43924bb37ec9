/**
 * The names under which one request is known from end to end: `x-request-id`, for people and logs, and the W3C
 * `traceparent`, for tracing. Both come in with a request or are made at the edge, and go out with every call made for it.
 */
import { Context, type Random } from "effect"

/** The id of the request being served; empty where there is none. */
export const RequestId: Context.Reference<string> = Context.Reference<string>("@portico/call/RequestId", {
  defaultValue: () => ""
})

/** The header that carries the id, in and out. */
export const header = "x-request-id"

/** A caller's id is taken over where it is safe to log and to send on: 1 to 128 visible characters without quotes. */
export const accept = (value: string | undefined): string | undefined =>
  value !== undefined && /^[A-Za-z0-9_.:/+=@-]{1,128}$/.test(value) ? value : undefined

/** A new id: 32 hex digits. */
export const make = (random: Random.Random): string => hex(random, 4)

/** `words` times 32 random bits as hex digits. */
export const hex = (random: Random.Random, words: number): string => {
  let out = ""
  for (let i = 0; i < words; i++) {
    const word = (random.nextDoubleUnsafe() * 0x1_0000_0000) >>> 0
    out += `${bytes[word >>> 24]}${bytes[(word >>> 16) & 0xff]}${bytes[(word >>> 8) & 0xff]}${bytes[word & 0xff]}`
  }
  return out
}

// A quarter of the cost of making digits of each word anew.
const bytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
