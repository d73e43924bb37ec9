import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, Metric, Random, References } from "effect"
import { TestClock } from "effect/testing"
import * as FaultInjection from "../src/FaultInjection.ts"
import { fromEffect, type Response, Transport } from "../src/Transport.ts"
import { get } from "./TransportAsking.ts"

const names = ["live", "user"]

const well: Response = { status: 200, headers: {}, body: "{}" }

/** A transport with these faults over one that answers well and at once, or never; `sent` counts what went through. */
const faulty = (text: string, sending: Effect.Effect<Response> = Effect.succeed(well)) =>
  Effect.gen(function* () {
    const seen = { sent: 0, ended: 0 }
    const inner = Layer.succeed(Transport, {
      connect: () =>
        fromEffect(() =>
          Effect.onInterrupt(
            Effect.suspend(() => {
              seen.sent++
              return sending
            }),
            () => Effect.sync(() => void seen.ended++)
          )
        )
    })
    const faults = FaultInjection.parse(text, names)!
    const context = yield* Layer.build(FaultInjection.layer(faults).pipe(Layer.provide(inner)))
    const connect = (upstream: string) =>
      Effect.flatMap(Transport, ({ connect }) =>
        connect({ upstream, baseUrl: new URL("http://a.example"), maxResponse: 1_000 })
      ).pipe(Effect.provide(context))
    const ask = (upstream: string) => Effect.flatMap(connect(upstream), (wire) => get(wire, "/"))
    return { ask, seen }
  }).pipe(Effect.provide(Logger.layer([])))

const statusesOf = (responses: ReadonlyArray<Response>) => responses.map(({ status }) => status)

describe("faults in words", () => {
  it("are latencies and errors by upstream, with a rate", () => {
    assert.deepStrictEqual(
      FaultInjection.parse("live:latency=200ms@0.5,error=0.1;user:error=0.05", names),
      new Map([
        ["live", { latency: { millis: 200, rate: 0.5 }, error: 0.1 }],
        ["user", { error: 0.05 }]
      ])
    )
    assert.deepStrictEqual(
      FaultInjection.parse(" user : latency=50ms , error=1 ", names),
      new Map([["user", { latency: { millis: 50, rate: 1 }, error: 1 }]])
    )
  })

  it("are nothing where anything about them cannot be understood", () => {
    for (const text of [
      "",
      "live",
      "live:",
      ":error=1",
      "gifts:error=1",
      "live:error=1.5",
      "live:error=-0.1",
      "live:error=",
      "live:error=10%",
      "live:error=NaN",
      "live:latency=200",
      "live:latency=fast",
      "live:latency=200ms@",
      "live:latency=200ms@2",
      "live:latency=1e3ms",
      "live:latency=-5ms",
      "live:error=0.1,error=0.2",
      "live:latency=1ms,latency=2ms",
      "live:error=0.1;live:error=0.2",
      "live:error=0.1;",
      "live:loss=0.1",
      "live error=0.1"
    ]) {
      assert.isUndefined(FaultInjection.parse(text, names), text)
    }
  })
})

describe("injected faults", () => {
  it.effect("an error is a 503, and the upstream is not asked", () =>
    Effect.gen(function* () {
      const { ask, seen } = yield* faulty("live:error=1")
      const answer = yield* ask("live")
      assert.strictEqual(answer.status, 503)
      assert.strictEqual(seen.sent, 0)
    })
  )

  it.effect("a latency is waited for before the upstream is asked", () =>
    Effect.gen(function* () {
      const { ask, seen } = yield* faulty("live:latency=200ms")
      const fiber = yield* Effect.forkChild(ask("live"), { startImmediately: true })
      yield* TestClock.adjust("199 millis")
      assert.strictEqual(seen.sent, 0)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), well)
      assert.strictEqual(seen.sent, 1)
    })
  )

  it.effect("an error can come late too", () =>
    Effect.gen(function* () {
      const { ask, seen } = yield* faulty("live:latency=200ms,error=1")
      const fiber = yield* Effect.forkChild(ask("live"), { startImmediately: true })
      yield* TestClock.adjust("199 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 503)
      assert.strictEqual(seen.sent, 0)
    })
  )

  it.effect("befall their share of the requests, by the Random of whoever asks", () =>
    Effect.gen(function* () {
      const { ask } = yield* faulty("live:error=0.25")
      const many = Effect.replicateEffect(ask("live"), 1_000)
      const one = statusesOf(yield* Random.withSeed(many, "one"))
      const errors = one.filter((status) => status === 503).length
      assert.isAtLeast(errors, 200)
      assert.isAtMost(errors, 300)
      assert.deepStrictEqual(statusesOf(yield* Random.withSeed(many, "one")), one)
    })
  )

  it.effect("befall nobody else, and nobody at a rate of zero", () =>
    Effect.gen(function* () {
      const { ask } = yield* faulty("live:error=0,latency=1000ms@0")
      const both = Effect.zipWith(ask("live"), ask("user"), (live, user) => statusesOf([live, user]))
      const all = (yield* Effect.replicateEffect(both, 200)).flat()
      assert.deepStrictEqual(new Set(all), new Set([200]))
    })
  )

  it.effect("who leaves while a latency is waited for has nothing sent; who leaves after it ends what was", () =>
    Effect.gen(function* () {
      const { ask, seen } = yield* faulty("live:latency=200ms", Effect.never)
      const early = yield* Effect.forkChild(ask("live"), { startImmediately: true })
      const late = yield* Effect.forkChild(ask("live"), { startImmediately: true })
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(early)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, { sent: 1, ended: 0 })
      yield* Fiber.interrupt(late)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, { sent: 1, ended: 1 })
      assert.isTrue(Exit.isFailure(yield* Fiber.await(late)))
    })
  )
})

describe("faults that are on", () => {
  it.effect("are told of at the start, at any log level", () => {
    const lines: Array<string> = []
    return Effect.gen(function* () {
      const faults = FaultInjection.parse("live:latency=200ms@0.5;user:error=0.05", names)!
      const inner = Layer.succeed(Transport, { connect: () => fromEffect(() => Effect.never) })
      yield* Layer.build(FaultInjection.layer(faults).pipe(Layer.provide(inner)))
      assert.lengthOf(lines, 2)
      assert.match(lines[0]!, /level=WARN.*faults are injected into calls to live.*latency="?200 ms"?.*latencyRate=0.5/)
      assert.match(lines[1]!, /level=WARN.*faults are injected into calls to user.*errorRate=0.05/)
    }).pipe(
      Effect.provide(Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void lines.push(line))])),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  })

  it.effect("are counted by what they were", () =>
    Effect.gen(function* () {
      const { ask } = yield* faulty("user:latency=10ms,error=1")
      const fiber = yield* Effect.forkChild(Effect.replicateEffect(ask("user"), 3), { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const counts = (yield* Metric.snapshot).flatMap(({ id, attributes, state }) =>
        id === "upstream_injected_faults_total" && "count" in state
          ? [[attributes?.["fault"], state.count] as const]
          : []
      )
      assert.deepStrictEqual(Object.fromEntries(counts), { error: 3, latency: 3 })
    }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
