import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Scheduler } from "effect"
import { TestClock } from "effect/testing"
import { Drain } from "../src/Drain.ts"

const make = Effect.map(Layer.build(Drain.layer), (context) => Context.get(context, Drain))

describe("Drain", () => {
  it.effect("waits for what is under way, and refuses what comes", () =>
    Effect.gen(function* () {
      const drain = yield* make
      const request = yield* Effect.forkChild(drain.track(Effect.sleep("2 seconds")), { startImmediately: true })
      const drained = yield* Effect.forkChild(drain.drain("10 seconds"), { startImmediately: true })
      assert.isTrue(drain.isDraining())
      const refused = yield* Effect.flip(drain.track(Effect.void))
      assert.strictEqual(refused._tag, "Draining")
      yield* TestClock.adjust("1999 millis")
      assert.isUndefined(drained.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(request)
      yield* Fiber.join(drained)
      assert.strictEqual(drain.inFlight(), 0)
    })
  )

  it.effect("nothing stays counted, wherever a request yields and is interrupted", () =>
    Effect.gen(function* () {
      const drain = yield* make
      for (let ops = 3; ops <= 12; ops++) {
        for (let turns = 0; turns <= 12; turns++) {
          const request = Effect.provideService(drain.track(Effect.never), Scheduler.MaxOpsBeforeYield, ops)
          const fiber = yield* Effect.forkChild(request, { startImmediately: true })
          for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(drain.inFlight(), 0, `${ops} steps before a yield, interrupted after ${turns} turns`)
        }
      }
    })
  )
})
