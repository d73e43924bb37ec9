import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import * as Batch from "../src/Batch.ts"
import * as Hedge from "../src/Hedge.ts"
import { fork, nothingLeft } from "./Running.ts"

/** An effect that says how it ended. */
const watched = () => {
  let state: "not begun" | "under way" | "interrupted" | "finished" = "not begun"
  const around = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      state = "under way"
      return Effect.onExit(effect, (exit) =>
        Effect.sync(() => {
          state = Exit.isSuccess(exit) ? "finished" : "interrupted"
        })
      )
    })
  return { around, state: () => state }
}

// What one callback sets off before it returns: the corners that only code without fibers of its own has.
describe("callers who are answered, and leave, within one step", () => {
  it.effect("who leaves as another of the batch is answered ends the reading of its own part", () =>
    Effect.gen(function* () {
      const reading = watched()
      const fetch = yield* Batch.make({
        group: (_id: string) => "",
        call: () =>
          Effect.succeed((id: string) =>
            id === "slow" ? reading.around(Effect.delay(Effect.succeed(id), "50 millis")) : Effect.succeed(id)
          )
      })
      const slow = yield* fork(fetch("slow"))
      const quick = yield* fork(Effect.tap(fetch("quick"), () => Effect.sync(() => slow.interruptUnsafe())))
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(yield* Fiber.join(quick), "quick")
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(slow)))
      assert.strictEqual(reading.state(), "interrupted")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a request whose callers all leave while it is being sent is ended", () =>
    Effect.gen(function* () {
      const request = watched()
      let leave = () => {}
      const fetch = yield* Batch.make({
        group: (_id: string) => "",
        call: () => {
          leave()
          return request.around(Effect.never)
        }
      })
      const caller = yield* fork(fetch("one"))
      leave = () => caller.interruptUnsafe()
      yield* TestClock.adjust("10 millis")
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(caller)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(request.state(), "interrupted")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a batch without a window is sent with whoever opened it", () =>
    Effect.gen(function* () {
      const fetch = yield* Batch.make({
        group: (_id: string) => "",
        window: 0,
        call: (ids) => Effect.succeed((id: string) => Effect.succeed(`${id} of ${ids.length}`))
      })
      const one = yield* fork(fetch("one"))
      yield* TestClock.adjust("1 milli")
      assert.strictEqual(yield* Fiber.join(one), "one of 1")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a second attempt whose beginning lets the first succeed is ended", () =>
    Effect.gen(function* () {
      const latch = Latch.makeUnsafe(false)
      const second = watched()
      let asked = 0
      const call = Effect.suspend(() =>
        ++asked === 1
          ? Effect.as(latch.await, "first")
          : second.around(
              Effect.andThen(
                Effect.sync(() => latch.openUnsafe()),
                Effect.never
              )
            )
      )
      const told: Array<string> = []
      const hedge = Hedge.make({
        ...Hedge.defaults,
        atLeast: 0,
        tail: 0,
        extra: 1,
        onHedge: (what) => told.push(what)
      })
      const fiber = yield* fork(hedge(call))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(fiber), "first")
      assert.strictEqual(second.state(), "interrupted")
      assert.deepStrictEqual(told, ["sent"])
    })
  )
})
