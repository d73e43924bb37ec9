import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RollingSum } from "../src/internal/RollingSum.ts"

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

describe("RollingSum", () => {
  it.effect.prop(
    "is, after any steps of time, the sum of what was added in the last ten slices, each lane by itself",
    {
      start: between(0, 2_000_000_000),
      steps: Schema.Array(Schema.Struct({ passes: between(0, 700), adds: between(-5, 5), lane: between(0, 1) }))
    },
    ({ start, steps }) =>
      Effect.sync(() => {
        const sum = new RollingSum(1_000, 2)
        const added: Array<readonly [slice: number, lane: number, amount: number]> = []
        let now = start
        for (const { passes, adds, lane } of steps) {
          now += passes
          sum.add(now, adds, lane)
          added.push([Math.floor(now / 100), lane, adds])
          for (const asked of [0, 1]) {
            const expected = added
              .filter(([slice, lane]) => lane === asked && slice > Math.floor(now / 100) - 10)
              .reduce((all, [, , amount]) => all + amount, 0)
            assert.strictEqual(sum.sum(now, asked), expected)
          }
        }
      }),
    { arbitrary: { runs: 300 } }
  )

  it("a clock that steps back adds to the newest slice, and nothing comes back", () => {
    const sum = new RollingSum(1_000)
    sum.add(5_000, 1)
    sum.add(2_000, 1)
    assert.strictEqual(sum.sum(2_000), 2)
    assert.strictEqual(sum.sum(5_900), 2)
    assert.strictEqual(sum.sum(6_000), 0)
  })

  it("is nothing after a reset", () => {
    const sum = new RollingSum(1_000, 2)
    sum.add(100, 3, 0)
    sum.add(100, 4, 1)
    sum.reset()
    assert.deepStrictEqual([sum.sum(100, 0), sum.sum(100, 1)], [0, 0])
  })
})
