import { assert, describe, it } from "@effect/vitest"
import { Effect, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"
import * as WorkersSum from "../src/WorkersSum.ts"

/** What a process writes that has measured this. */
const text = (measure: Effect.Effect<unknown>) =>
  Effect.andThen(measure, PrometheusMetrics.format()).pipe(
    Effect.provideService(Metric.MetricRegistry, new Map()),
    Effect.runSync
  )

const requests = (room: string) =>
  Metric.counter("requests_total", { description: "Requests, by room", attributes: { room }, incremental: true })
const durations = Metric.histogram("duration_seconds", { boundaries: [0.1, 1] })
const inFlight = Metric.gauge("in_flight")
const circuit = Metric.gauge("circuit_state")

const sum = (...texts: ReadonlyArray<string>) => WorkersSum.format(WorkersSum.add(texts.map(WorkersSum.parse)))

describe("the numbers of several processes", () => {
  it("those of one alone are what it wrote itself", () => {
    const one = text(
      Effect.all([
        Metric.update(requests('a "b" c\\'), 3),
        Metric.update(durations, 0.5),
        Metric.update(inFlight, 0.25),
        Metric.update(circuit, Infinity)
      ])
    )
    assert.include(one, 'requests_total{room="a \\"b\\" c\\\\"} 3')
    assert.strictEqual(sum(one), one)
    assert.strictEqual(sum(), "")
    assert.strictEqual(sum(""), "")
  })

  it("counters are added up series by series, and a series that only one has is shown", () => {
    const first = text(Effect.all([Metric.update(requests("1"), 3), Metric.update(requests("2"), 1)]))
    const second = text(Effect.all([Metric.update(requests("3"), 7), Metric.update(requests("1"), 4)]))
    assert.strictEqual(
      sum(first, second),
      [
        "# HELP requests_total Requests, by room",
        "# TYPE requests_total counter",
        'requests_total{room="1"} 7',
        'requests_total{room="2"} 1',
        'requests_total{room="3"} 7',
        ""
      ].join("\n")
    )
  })

  it("histograms are those of all observations together", () => {
    const observe = (...values: ReadonlyArray<number>) =>
      text(Effect.forEach(values, (value) => Metric.update(durations, value)))
    assert.strictEqual(sum(observe(0.0625, 0.5), observe(0.5, 4), observe()), observe(0.0625, 0.5, 0.5, 4))
  })

  it("amounts are added up; of a state the greatest is shown", () => {
    const measured = (amount: number, state: number) =>
      text(Effect.all([Metric.update(inFlight, amount), Metric.update(circuit, state)]))
    const all = sum(measured(3, 0), measured(2, 2), measured(0, 1))
    assert.include(all, "\nin_flight 5\n")
    assert.include(all, "\ncircuit_state 2\n")
  })

  it("of one that has ended, what it has counted stays, and what it held does not", () => {
    const one = text(
      Effect.all([Metric.update(requests("1"), 3), Metric.update(durations, 0.5), Metric.update(inFlight, 2)])
    )
    const counted = WorkersSum.format(WorkersSum.counted(WorkersSum.parse(one)))
    assert.include(counted, 'requests_total{room="1"} 3')
    assert.include(counted, "duration_seconds_count 1")
    assert.notInclude(counted, "in_flight")
  })

  it("nothing that is added up is changed by it", () => {
    const one = WorkersSum.parse(text(Metric.update(requests("1"), 3)))
    const before = WorkersSum.format(one)
    WorkersSum.add([one, one])
    assert.strictEqual(WorkersSum.format(one), before)
  })
})
