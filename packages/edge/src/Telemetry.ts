/**
 * What the service did, in numbers: `GET /metrics` in Prometheus' text form, and the durations of a service's requests.
 */
import * as Series from "@portico/call/Series"
import { type Context, Effect, Layer, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

const memory = Metric.gauge("process_resident_memory_bytes", { description: "Resident memory" })
const cpu = Metric.counter("process_cpu_seconds_total", { description: "Processor time used", incremental: true })

/** What everybody who runs a process looks at first, read when somebody looks. */
const ofProcess = Layer.effectDiscard(
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.acquireRelease(
      Effect.sync(() => [
        Metric.registerUnsafe(memory, context, {
          get: () => ({ value: process.memoryUsage.rss() }),
          update: () => {},
          modify: () => {}
        }),
        Metric.registerUnsafe(cpu, context, {
          get: () => {
            const { user, system } = process.cpuUsage()
            return { count: (user + system) / 1e6, incremental: true }
          },
          update: () => {},
          modify: () => {}
        })
      ]),
      (registrations) => Effect.sync(() => registrations.forEach((registration) => registration.remove()))
    )
  )
)

/** `GET /metrics`. */
export const layer = Layer.merge(PrometheusMetrics.layerHttp({ path: "/metrics" }), ofProcess)

/** Records how long a request took, in milliseconds, under the kind it was of and how it ended. */
export type Durations = (kind: string, outcome: string, millis: number) => void

/**
 * A histogram `{name}{kindLabel, outcome}` in seconds. A client that left is an outcome of its own: it is no failure of the
 * service, and belongs into no error rate.
 */
export const durations = (options: {
  readonly name: string
  readonly description: string
  readonly kindLabel: string
  readonly kinds: ReadonlyArray<string>
}): Effect.Effect<Durations> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      const histogram = Series.histogram(options.name, options.description, Series.seconds)
      const series = new Map(
        options.kinds.map((kind) => [kind, Series.by(histogram, "outcome", { [options.kindLabel]: kind }, context)])
      )
      return (kind, outcome, millis) => series.get(kind)?.(outcome, millis / 1000)
    })
  )
