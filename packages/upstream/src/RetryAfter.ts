/**
 * The `Retry-After` header (RFC 9110): seconds, or a date. Read into milliseconds from now.
 */
import { Clock, Effect } from "effect"

/** Milliseconds to wait; undefined where the header is absent or says nothing usable. */
export const parse = (value: string | undefined): Effect.Effect<number | undefined> => {
  const text = value?.trim()
  if (text === undefined || text === "") return Effect.undefined
  if (/^\d{1,9}$/.test(text)) return Effect.succeed(Number(text) * 1000)
  const date = dateOf(text)
  if (Number.isNaN(date)) return Effect.undefined
  // The peer's date is compared with the machine's, which nanoseconds are even where milliseconds are steady.
  return Effect.map(Clock.currentTimeNanos, (now) => Math.max(0, date - Number(now / 1_000_000n)))
}

const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"

/** With a day before the month and `GMT` at the end: as it is written now, or as RFC 850 had it. */
const withZone = new RegExp(`^\\w{3,9}, \\d{2}[ -]${month}[ -]\\d{2,4} \\d{2}:\\d{2}:\\d{2} GMT$`)
/** C's asctime, which says no zone and means GMT. */
const withoutZone = new RegExp(`^\\w{3} ${month} [ \\d]\\d \\d{2}:\\d{2}:\\d{2} \\d{4}$`)

/** What else Date reads as some day or other is no date of HTTP. */
const dateOf = (text: string): number => {
  if (withZone.test(text)) return Date.parse(text)
  return withoutZone.test(text) ? Date.parse(`${text} GMT`) : Number.NaN
}
