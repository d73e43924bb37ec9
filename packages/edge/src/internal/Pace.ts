/**
 * How long one of many takes that are begun one after the other: the time of the last moments over what was begun in them.
 *
 * Both sums fade alike (half of a fifth of a second ago is left), so that what comes out is a mean over time. A mean of the
 * gaps would be pulled to and fro by each pause of the collector, and who goes by the least of such swings lets in too many.
 */

/** Milliseconds after which a moment counts for 1/e. */
const memory = 300

/** Before anything was seen: half a millisecond each, as of so many, and soon forgotten. */
const start = { millis: 10, begun: 20 }

export interface Pace {
  millis: number
  begun: number
}

export const make = (): Pace => ({ ...start })

/** So many were begun within so many milliseconds, while others waited. */
export const note = (pace: Pace, millis: number, begun: number): void => {
  const left = Math.exp(-millis / memory)
  pace.millis = pace.millis * left + millis
  pace.begun = pace.begun * left + begun
}

/** Milliseconds for each. */
export const each = (pace: Pace): number => pace.millis / Math.max(1, pace.begun)
