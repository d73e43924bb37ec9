/**
 * What the service did, in numbers: `GET /metrics` in Prometheus' text form, and the durations of a service's requests.
 */
import * as Series from "@portico/call/Series"
import { Context, Effect, Layer, Metric } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"

const memory = Metric.gauge("process_resident_memory_bytes", { description: "Resident memory" })
const cpu = Metric.counter("process_cpu_seconds_total", { description: "Processor time used", incremental: true })

/** What everybody who runs a process looks at first, read when somebody looks. */
export const ofProcess = Layer.effectDiscard(
  Effect.andThen(
    Series.read(memory, () => ({ value: process.memoryUsage.rss() })),
    Series.read(cpu, () => {
      const { user, system } = process.cpuUsage()
      return { count: (user + system) / 1e6, incremental: true }
    })
  )
)

/** The numbers of this process, in Prometheus' text form. */
export const own: Effect.Effect<string> = PrometheusMetrics.format()

/** The text that `/metrics` answers: this process' own, unless it is one of several that answer for all of them. */
export const Exposition: Context.Reference<Effect.Effect<string>> = Context.Reference<Effect.Effect<string>>(
  "@portico/edge/Telemetry/Exposition",
  { defaultValue: () => own }
)

const contentType = "text/plain; version=0.0.4; charset=utf-8"

const route = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const exposition = yield* Exposition
    const answer = Effect.map(exposition, (text) => HttpServerResponse.text(text, { contentType }))
    yield* router.add("GET", "/metrics", answer)
  })
)

/** `GET /metrics`. */
export const layer = Layer.merge(route, ofProcess)

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
