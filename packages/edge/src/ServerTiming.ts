/**
 * The `Server-Timing` header (W3C): what each part of an answer took and how it was had, for a browser's network panel.
 *
 * @example
 * ServerTiming.format([{ name: "live", millis: 12.3456, description: "fetched" }]) // => `live;dur=12.3;desc="fetched"`
 */

/** One entry of the header. */
export interface Metric {
  /** A token: letters, digits, `-` and `_`. */
  readonly name: string
  readonly millis: number
  /** A word or two; put between quotes. */
  readonly description: string
}

/** The header's value, its metrics in their order; empty without any. Nothing is escaped: see {@link Metric}. */
export const format = (metrics: Iterable<Metric>): string => {
  let out = ""
  for (const { name, millis, description } of metrics) {
    out += `${out === "" ? "" : ", "}${name};dur=${tenths(millis)};desc="${description}"`
  }
  return out
}

/** Milliseconds to a tenth, which is what a network panel shows; from whole numbers, whose digits cost a fifth. */
const tenths = (millis: number): string => {
  const all = Math.round(millis * 10)
  const tenth = all % 10
  return tenth === 0 ? `${all / 10}` : `${(all - tenth) / 10}.${tenth}`
}
