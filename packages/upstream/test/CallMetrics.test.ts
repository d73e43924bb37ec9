import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Metric, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import * as CallMetrics from "../src/CallMetrics.ts"
import * as Path from "../src/Path.ts"
import * as Upstream from "../src/Upstream.ts"
import { bad, good, thingOver } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

/** A registry of the test's own: the default one is shared by the whole process. */
const alone = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provideService(effect, Metric.MetricRegistry, new Map())

/** What has been counted, by series: `name{labels but the upstream's}`; of a histogram how many values. */
const counted = Effect.map(Metric.snapshot, (snapshots) =>
  Object.fromEntries(
    snapshots.map(({ id, attributes, state }) => {
      const { upstream, ...labels } = attributes ?? {}
      assert.strictEqual(upstream, "thing")
      const named = Object.entries(labels).map(([name, value]) => `${name}=${value}`)
      const series = named.length === 0 ? id : `${id}{${named.join()}}`
      return [series, "value" in state ? Number(state.value) : "count" in state ? Number(state.count) : -1] as const
    })
  )
)

const ended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* fork(Effect.exit(effect))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)
  })

describe("the metrics of a stack", () => {
  it.effect("count calls by how they ended, and attempts", () =>
    Effect.gen(function* () {
      const plays = [good, bad, PlayedTransport.status(404), Effect.never, Effect.die("bug"), PlayedTransport.ok(1)]
      const { fetch } = yield* thingOver((_, nth) => plays[nth - 1] ?? Effect.never, {})
      for (const id of [1, 2, 3, 4, 5, 6]) yield* ended(fetch(id))
      yield* Fiber.interrupt(yield* fork(fetch(7)))
      assert.deepInclude(yield* counted, {
        "upstream_call_duration_seconds{outcome=ok}": 1,
        "upstream_call_duration_seconds{outcome=status}": 1,
        "upstream_call_duration_seconds{outcome=domain_error}": 1,
        "upstream_call_duration_seconds{outcome=timeout}": 1,
        "upstream_call_duration_seconds{outcome=defect}": 1,
        "upstream_call_duration_seconds{outcome=payload}": 1,
        "upstream_call_duration_seconds{outcome=interrupted}": 1,
        upstream_attempts_total: 7
      })
    }).pipe(alone)
  )

  it.effect("measure what the caller waited, the back-off too, in seconds", () =>
    Effect.gen(function* () {
      const { fetch } = yield* thingOver(
        (_, nth) => (nth === 1 ? PlayedTransport.status(503, { "retry-after": "1" }) : good),
        { retries: 1 }
      )
      const caller = yield* fork(fetch(1))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(caller)
      const snapshots = yield* Metric.snapshot
      const duration = snapshots.find(({ id }) => id === "upstream_call_duration_seconds")
      assert.deepInclude(duration?.state, { count: 1, sum: 1, min: 1, max: 1 })
    }).pipe(alone)
  )

  it.effect("count retries by whether the budget paid", () =>
    Effect.gen(function* () {
      const retryBudget = { share: 0, perSecond: 0.3, window: "10 seconds" } as const
      const { fetch } = yield* thingOver(() => bad, { retries: 1, retryBudget })
      for (const id of [1, 2, 3, 4, 5]) yield* ended(fetch(id))
      assert.deepInclude(yield* counted, {
        "upstream_retries_total{budget=paid}": 3,
        "upstream_retries_total{budget=exhausted}": 2,
        upstream_attempts_total: 8
      })
    }).pipe(alone)
  )

  it.effect("count hedges sent, won and unpaid", () =>
    Effect.gen(function* () {
      const hedge = { quantile: 0, window: "1 hour", extra: 0.5, floor: "30 millis", atLeast: 0, tail: 0 } as const
      // Of every two calls one hedge is paid: the second call's, and it wins; then the fourth's, and it loses.
      const plays = [Effect.never, Effect.never, good, Effect.never, Effect.andThen(Effect.sleep("50 millis"), good)]
      const { fetch } = yield* thingOver((_, nth) => plays[nth - 1] ?? Effect.never, { hedge })
      for (const id of [1, 2, 3, 4]) yield* ended(fetch(id))
      assert.deepInclude(yield* counted, {
        "upstream_hedges_total{outcome=sent}": 2,
        "upstream_hedges_total{outcome=won}": 1,
        "upstream_hedges_total{outcome=unpaid}": 2,
        upstream_attempts_total: 6
      })
    }).pipe(alone)
  )

  it.effect("show the circuit's state and count its turns", () =>
    Effect.gen(function* () {
      const breaker = { ...Breaker.defaults, minimum: 2, probes: 1, openFor: "10 seconds" } as const
      const { fetch } = yield* thingOver((_, nth) => (nth <= 2 ? bad : good), { breaker })
      assert.deepInclude(yield* counted, { upstream_circuit_state: 0 })
      for (const id of [1, 2, 3]) yield* Effect.exit(fetch(id))
      assert.deepInclude(yield* counted, {
        upstream_circuit_state: 2,
        "upstream_circuit_transitions_total{to=open}": 1,
        "upstream_call_duration_seconds{outcome=rejected}": 1,
        upstream_attempts_total: 2
      })
      yield* TestClock.adjust("12 seconds")
      // Without a call, too.
      assert.deepInclude(yield* counted, { upstream_circuit_state: 1 })
      yield* fetch(3)
      assert.deepInclude(yield* counted, {
        upstream_circuit_state: 0,
        "upstream_circuit_transitions_total{to=half-open}": 1,
        "upstream_circuit_transitions_total{to=closed}": 1
      })
    }).pipe(alone)
  )

  it.effect("show how many attempts are under way, as long as the upstream's layer lives", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { fetch } = yield* thingOver(() => Effect.never, { bulkhead: 2 })
          const callers = yield* Effect.forEach([1, 2, 3], (id) => fork(Effect.exit(fetch(id))))
          assert.deepInclude(yield* counted, {
            upstream_in_flight: 2,
            "upstream_call_duration_seconds{outcome=rejected}": 1
          })
          yield* Fiber.interruptAll(callers)
          assert.deepInclude(yield* counted, { upstream_in_flight: 0 })
        })
      )
      assert.notProperty(yield* counted, "upstream_in_flight")
    }).pipe(alone)
  )

  it.effect("count what no attempt was needed for: joined, fresh and stale answers", () =>
    Effect.gen(function* () {
      const { fetch, lastGood } = yield* thingOver(() => Effect.andThen(Effect.sleep("10 millis"), good), {
        freshFor: "10 seconds",
        staleIfError: "1 minute"
      })
      const crowd = Effect.forEach([1, 1, 1, 1], fetch, { concurrency: "unbounded" })
      yield* ended(crowd)
      yield* ended(crowd)
      yield* lastGood(1)
      yield* lastGood(2)
      assert.deepInclude(yield* counted, {
        upstream_coalesced_total: 3,
        upstream_cached_total: 4,
        upstream_stale_total: 1,
        upstream_attempts_total: 1,
        "upstream_call_duration_seconds{outcome=ok}": 8
      })
    }).pipe(alone)
  )

  it.effect("show how many calls went out in one request", () =>
    Effect.gen(function* () {
      class Item extends Upstream.Service<Item>()("thing", {
        input: Schema.Struct({ id: Schema.String }),
        output: Schema.Struct({ id: Schema.String }),
        errors: []
      }) {}
      const { layer } = PlayedTransport.make(() => PlayedTransport.ok({ items: [] }))
      const http = Item.layerHttp({
        baseUrl: new URL("http://thing.example"),
        request: ({ id }) => Path.get`/things/${id}`,
        batch: { request: () => Path.get`/things`, id: ({ id }) => id, field: "id" },
        policies: { timeout: "100 millis" }
      })
      const context = yield* Layer.build(Layer.provide(http, layer))
      for (const size of [1, 3, 101]) {
        const ids = Array.from({ length: size }, (_, id) => Item.fetch({ id: `${id}` }))
        yield* ended(Effect.all(ids.map(Effect.exit), { concurrency: "unbounded" }).pipe(Effect.provide(context)))
      }
      const sizes = (yield* Metric.snapshot).find(({ id }) => id === "upstream_batch_size")?.state
      // 1, 3, and a hundred and one more.
      assert.deepInclude(sizes, { count: 4, sum: 105, min: 1, max: 100 })
    }).pipe(alone)
  )

  it.effect("an error of a schema class that is no UpstreamError is the domain's", () =>
    Effect.gen(function* () {
      class Other extends Schema.TaggedError<Other>()("Other", {}) {}
      const metrics = yield* CallMetrics.make("thing")
      yield* Effect.exit(metrics.policy(new Other()))
      assert.deepInclude(yield* counted, { "upstream_call_duration_seconds{outcome=domain_error}": 1 })
    }).pipe(alone)
  )
})
