import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as WorkersNumbers from "../src/WorkersNumbers.ts"

const text = (served: number, inFlight: number) =>
  `# TYPE served_total counter\nserved_total ${served}\n# TYPE in_flight gauge\nin_flight ${inFlight}\n`

/** A worker whose numbers a test sets, and that can be made to hang. */
const worker = (served: number, inFlight: number) => {
  const state = { served, inFlight, hangs: false, asked: 0 }
  const ask = Effect.suspend(() => {
    state.asked++
    return state.hangs ? Effect.never : Effect.succeed(text(state.served, state.inFlight))
  })
  return { state, ask }
}

describe("the numbers of the service", () => {
  it.effect("are those of the primary and of all workers, asked for whenever somebody looks", () =>
    Effect.gen(function* () {
      const numbers = WorkersNumbers.make(Effect.succeed(text(1, 0)))
      assert.strictEqual(yield* numbers.text, text(1, 0))
      const [first, second] = [worker(10, 2), worker(20, 3)]
      numbers.join(first)
      numbers.join(second)
      assert.strictEqual(yield* numbers.text, text(31, 5))
      second.state.served = 25
      assert.strictEqual(yield* numbers.text, text(36, 5))
    })
  )

  it.effect("what one had counted when it was last asked stays when it ends, and what it held goes", () =>
    Effect.gen(function* () {
      const numbers = WorkersNumbers.make(Effect.succeed(""))
      const [first, second, third] = [worker(10, 2), worker(20, 3), worker(5, 1)]
      numbers.join(first)
      numbers.join(second)
      yield* numbers.text
      numbers.leave(first)
      assert.strictEqual(yield* numbers.text, text(30, 3))
      numbers.join(third)
      assert.strictEqual(yield* numbers.text, text(35, 4))
      assert.strictEqual(first.state.asked, 1)
      numbers.leave(third)
      numbers.leave(second)
      assert.include(yield* numbers.text, "served_total 35\n")
    })
  )

  it.effect("for one that hangs, what it last said stands in, after a second; the others are asked meanwhile", () =>
    Effect.gen(function* () {
      const numbers = WorkersNumbers.make(Effect.succeed(""))
      const [first, second] = [worker(10, 2), worker(20, 3)]
      numbers.join(first)
      numbers.join(second)
      yield* numbers.text
      first.state.hangs = true
      second.state.served = 21
      const all = yield* Effect.forkChild(numbers.text)
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(all.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(all), text(31, 5))
    })
  )

  it.effect("one that ends while it is asked is counted once", () =>
    Effect.gen(function* () {
      const numbers = WorkersNumbers.make(Effect.succeed(""))
      const first = worker(10, 2)
      numbers.join(first)
      yield* numbers.text
      const late = { ask: Effect.delay(first.ask, "100 millis") }
      numbers.join(late)
      const all = yield* Effect.forkChild(numbers.text)
      yield* TestClock.adjust("50 millis")
      numbers.leave(late)
      yield* TestClock.adjust("50 millis")
      assert.strictEqual(yield* Fiber.join(all), text(10, 2))
      assert.strictEqual(yield* numbers.text, text(10, 2))
    })
  )
})
