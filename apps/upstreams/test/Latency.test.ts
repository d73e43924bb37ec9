import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import * as Latency from "../src/Latency.ts"

describe("Latency", () => {
  it.effect("stays within its bounds, early for most and late for some", () =>
    Effect.gen(function* () {
      const random = yield* Random.Random
      const draws = Array.from({ length: 20_000 }, () => Latency.draw(Latency.usual, random)).sort((a, b) => a - b)
      const at = (share: number) => draws[Math.floor(share * draws.length)]!
      assert.isAtLeast(draws[0]!, 10)
      assert.isAtMost(draws.at(-1)!, 60)
      assert.isTrue(at(0.5) > 14 && at(0.5) < 24, `median ${at(0.5)}`)
      assert.isTrue(at(0.99) > 35, `p99 ${at(0.99)}`)
    }).pipe(Random.withSeed("latency"))
  )

  it.effect("is a constant where the bounds are the same", () =>
    Effect.map(Random.Random, (random) => assert.strictEqual(Latency.draw({ min: 7, max: 7 }, random), 7))
  )
})
