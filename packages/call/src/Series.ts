/**
 * Updates of a metric's series, synchronously: for hot paths, where finding a series by its labels at each call costs more
 * than the counting. The labels are the metric's own attributes, not added around it, so that its key is made once; a series
 * is looked up by one label's value and kept.
 */
import { type Context, Effect, Metric, type Scope } from "effect"

/** The labels of a series, by name. */
export type Labels = Readonly<Record<string, string>>

/** A family of series: one metric for each set of labels. */
export type Family<I, S> = (labels: Labels) => Metric.Metric<I, S>

/** The update of one series, in the registry of `context`. */
export const of = <I, S>(
  family: Family<I, S>,
  labels: Labels,
  context: Context.Context<never>
): ((value: I) => void) => {
  const series = family(labels)
  return (value) => series.updateUnsafe(value, context)
}

/** Updates of the series that differ in one label, whose values must be few. */
export const by = <I, S>(
  family: Family<I, S>,
  label: string,
  labels: Labels,
  context: Context.Context<never>
): ((name: string, value: I) => void) => {
  const known = new Map<string, (value: I) => void>()
  return (name, value) => {
    let update = known.get(name)
    if (update === undefined) {
      update = of(family, { ...labels, [label]: name }, context)
      known.set(name, update)
    }
    update(value)
  }
}

/** A series that is read when somebody looks, for as long as the scope lasts. */
export const read = <I, S>(series: Metric.Metric<I, S>, state: () => S): Effect.Effect<void, never, Scope.Scope> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => Metric.registerUnsafe(series, context, { get: state, update: () => {}, modify: () => {} })),
        (registration) => Effect.sync(() => registration.remove())
      )
    )
  )

/** Counters, which only go up: each update is what is added. */
export const counter =
  (name: string, description: string): Family<number, Metric.CounterState<number>> =>
  (attributes) =>
    Metric.counter(name, { description, attributes, incremental: true })

/** Gauges: each update is the value from now on. */
export const gauge =
  (name: string, description: string): Family<number, Metric.GaugeState<number>> =>
  (attributes) =>
    Metric.gauge(name, { description, attributes })

/** Histograms: each update is one observation, in the unit of `boundaries`. */
export const histogram =
  (name: string, description: string, boundaries: ReadonlyArray<number>): Family<number, Metric.HistogramState> =>
  (attributes) =>
    Metric.histogram(name, { description, attributes, boundaries })

/** Boundaries of a histogram of durations in seconds: from 1 ms to 8 s in doublings, a deadline of a second well inside. */
export const seconds = Metric.exponentialBoundaries({ start: 0.001, factor: 2, count: 14 })
