/**
 * The `Retry-After` header (RFC 9110): seconds, or a date. Read into milliseconds from now.
 */
import { Clock, Effect } from "effect"

/** Milliseconds to wait; undefined where the header is absent or says nothing usable. */
export const parse = (value: string | undefined): Effect.Effect<number | undefined> => {
  const text = value?.trim()
  if (text === undefined || text === "") return Effect.undefined
  if (/^\d{1,9}$/.test(text)) return Effect.succeed(Number(text) * 1000)
  // Each of the three forms of an HTTP date names its month. What is just numbers Date would read as some day or other.
  const date = /[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(date)) return Effect.undefined
  return Effect.map(Clock.currentTimeMillis, (now) => Math.max(0, date - now))
}
