/**
 * Updates of a metric's series, synchronously: for hot paths, where finding a series by its labels at each call costs more
 * than the counting. A series is looked up once and kept.
 */
import { type Context, Metric } from "effect"

/** The update of one series, in the registry of `context`. */
export const of = <I, S>(
  metric: Metric.Metric<I, S>,
  labels: Readonly<Record<string, string>>,
  context: Context.Context<never>
): ((value: I) => void) => {
  const series = Metric.withAttributes(metric, labels)
  return (value) => series.updateUnsafe(value, context)
}

/** Updates of the series that differ in one label, whose values must be few. */
export const by = <I, S>(
  metric: Metric.Metric<I, S>,
  label: string,
  labels: Readonly<Record<string, string>>,
  context: Context.Context<never>
): ((name: string, value: I) => void) => {
  const known = new Map<string, (value: I) => void>()
  return (name, value) => {
    let update = known.get(name)
    if (update === undefined) {
      update = of(metric, { ...labels, [label]: name }, context)
      known.set(name, update)
    }
    update(value)
  }
}

/** Boundaries of a histogram of durations in seconds: from 1 ms to 8 s in doublings, a deadline of a second well inside. */
export const seconds = Metric.exponentialBoundaries({ start: 0.001, factor: 2, count: 14 })
