import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { LatencyWindow } from "../src/internal/LatencyWindow.ts"

const between = (minimum: number, maximum: number) => Schema.Finite.check(Schema.isBetween({ minimum, maximum }))

const exact = (latencies: ReadonlyArray<number>, quantile: number): number =>
  latencies.toSorted((a, b) => a - b)[Math.ceil(latencies.length * quantile) - 1] ?? 0

describe("LatencyWindow", () => {
  it.effect.prop(
    "a quantile is never below the true one, and above it by a sixteenth or the smallest step at most",
    {
      // From a twentieth of a millisecond to two minutes, as often short as long.
      exponents: Schema.Array(between(-4.3, 16.8)).check(Schema.isMinLength(1)),
      quantile: between(0.01, 0.999)
    },
    ({ exponents, quantile }) =>
      Effect.sync(() => {
        const latencies = exponents.map((exponent) => 2 ** exponent)
        const window = new LatencyWindow(30_000)
        for (const latency of latencies) window.record(1_000, latency)
        const found = window.quantiles(1_000, quantile, 1)
        for (const [estimate, share] of [
          [found?.tail ?? NaN, quantile],
          [found?.median ?? NaN, 0.5]
        ] as const) {
          const truth = exact(latencies, share)
          assert.isAtLeast(estimate, truth * (1 - 1e-9))
          assert.isAtMost(estimate, Math.max(truth * 1.0625, 1 / 16))
        }
      }),
    { arbitrary: { runs: 500, size: 200 } }
  )

  it("says nothing while it knows too few", () => {
    const window = new LatencyWindow(30_000)
    for (let index = 0; index < 99; index++) window.record(0, 20)
    assert.isUndefined(window.quantiles(0, 0.95, 100))
    window.record(500, 20)
    assert.isDefined(window.quantiles(1_000, 0.95, 100))
  })

  it("forgets what is older than the window", () => {
    const window = new LatencyWindow(30_000)
    for (let index = 0; index < 100; index++) window.record(0, 1_000)
    for (let index = 0; index < 100; index++) window.record(20_000, 10)
    assert.isAtLeast(window.quantiles(20_000, 0.95, 1)?.tail ?? 0, 1_000)
    assert.isBelow(window.quantiles(30_000, 0.95, 1)?.tail ?? Infinity, 11)
    assert.isUndefined(window.quantiles(51_000, 0.95, 1))
  })

  it("looks anew once a second, and keeps its answer in between", () => {
    const window = new LatencyWindow(30_000)
    window.record(0, 10)
    const first = window.quantiles(0, 0.95, 1)
    for (let index = 0; index < 100; index++) window.record(500, 1_000)
    assert.strictEqual(window.quantiles(999, 0.95, 1), first)
    assert.isAtLeast(window.quantiles(1_000, 0.95, 1)?.tail ?? 0, 1_000)
  })

  it("takes latencies beyond both ends for the ends", () => {
    const window = new LatencyWindow(30_000)
    window.record(0, 0)
    window.record(0, -1)
    window.record(0, 1e9)
    const found = window.quantiles(0, 1, 1)
    assert.strictEqual(found?.median, 1 / 16)
    assert.isAtLeast(found?.tail ?? 0, 240_000)
  })
})
