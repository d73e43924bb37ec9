import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import { coalesceOf, flights } from "./PlayedFlights.ts"
import { fork, nothingLeft } from "./Running.ts"

describe("Coalesce, when callers leave and calls fail", () => {
  describe("leaving", () => {
    it.effect("the first caller's interruption is its own: the flight goes on for the others", () =>
      Effect.gen(function* () {
        const { log, call } = flights()
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        const second = yield* fork(fetch("a"))
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* Fiber.join(second), "a1")
        assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
      })
    )

    it.effect("the flight ends with its last caller, who waits for its finalizers", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const callers = yield* Effect.forEach([1, 2, 3], () => fork(fetch("a").pipe(Deadline.within("1 second"))))
        const leaving = yield* fork(Fiber.interruptAll(callers))
        yield* TestClock.adjust("19 millis")
        assert.deepStrictEqual(log, ["a1 begins"])
        assert.isUndefined(leaving.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(log, ["a1 begins", "a1 is cancelled"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a newcomer does not join a flight that is being cancelled, however long that takes", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        const leaving = yield* fork(Fiber.interrupt(first))
        yield* TestClock.adjust("10 millis")
        const newcomer = yield* fork(fetch("a"))
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* Fiber.join(newcomer), "a2")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("the end of a flight that was being cancelled does not free the key of the one after it", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        yield* fork(Fiber.interrupt(first))
        const second = yield* fork(fetch("a"))
        yield* TestClock.adjust("30 millis")
        const third = yield* fork(fetch("a"))
        yield* TestClock.adjust("20 millis")
        assert.deepStrictEqual([yield* Fiber.join(second), yield* Fiber.join(third)], ["a2", "a2"])
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
      })
    )

    it.effect("a caller that is interrupted on its way from its deadline to its error is counted out once", () =>
      Effect.gen(function* () {
        // A fiber that yields after so few steps stops somewhere on that way.
        for (const steps of [2, 3, 4, 5, 6]) {
          const { log, call } = flights()
          const fetch = yield* coalesceOf(call)
          const other = yield* fork(fetch("a"))
          const caller = yield* fetch("a").pipe(
            Deadline.within("10 millis"),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, steps),
            Effect.forkChild
          )
          yield* Effect.repeat(Effect.yieldNow, { times: 100 })
          yield* Effect.withFiber((fiber) =>
            Effect.map(Clock.currentTimeMillis, (now) =>
              Alarm.set(Alarm.timekeeper(fiber), now + 10, { ring: () => caller.interruptUnsafe() })
            )
          )
          yield* TestClock.adjust("50 millis")
          assert.isTrue(Exit.isFailure(yield* Fiber.await(caller)))
          assert.deepStrictEqual(yield* Fiber.await(other), Exit.succeed("a1"))
          assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
        }
      })
    )
  })

  describe("failing", () => {
    it.effect("a failure reaches every caller, and later ones try again", () =>
      Effect.gen(function* () {
        let calls = 0
        const fetch = yield* coalesceOf(() =>
          Effect.andThen(Effect.sleep("10 millis"), () =>
            ++calls === 1 ? Effect.fail("boom") : Effect.succeed("well")
          )
        )
        const callers = yield* Effect.forEach([1, 2, 3], () => fork(Effect.flip(fetch("a"))))
        yield* TestClock.adjust("10 millis")
        assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), ["boom", "boom", "boom"])
        const later = yield* fork(fetch("a"))
        yield* TestClock.adjust("10 millis")
        assert.strictEqual(yield* Fiber.join(later), "well")
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a defect reaches every caller and frees the key", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const fetch = yield* coalesceOf(() => Effect.andThen(Effect.sleep("10 millis"), Effect.die(bug)))
        const callers = yield* Effect.forEach([1, 2], () =>
          fork(Effect.exit(fetch("a").pipe(Deadline.within("1 second"))))
        )
        yield* TestClock.adjust("10 millis")
        assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), [Exit.die(bug), Exit.die(bug)])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a call that throws before it has become an effect is a defect, and nobody waits for it", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const fetch = yield* coalesceOf((): Effect.Effect<string> => {
          throw bug
        })
        assert.deepStrictEqual(yield* Effect.exit(fetch("a")), Exit.die(bug))
        yield* nothingLeft(fetch.size)
      })
    )
  })

  it.effect(
    "closing the scope interrupts every flight, those that newcomers no longer join too, and waits for them",
    () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("5 millis"))
        const scope = yield* Scope.make()
        const fetch = yield* coalesceOf(call).pipe(Scope.provide(scope))
        const cut = yield* fork(fetch("a"))
        cut.interruptUnsafe()
        const whole = yield* fork(Effect.exit(fetch("a")))
        const other = yield* fork(Effect.exit(fetch("b")))
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("5 millis")
        yield* Fiber.join(closing)
        assert.sameMembers(log.slice(3), ["a1 is cancelled", "a2 is cancelled", "b3 is cancelled"])
        const exits = [yield* Fiber.await(cut), yield* Fiber.join(whole), yield* Fiber.join(other)]
        assert.isTrue(exits.every(Exit.hasInterrupts))
        yield* nothingLeft(fetch.size)
      })
  )
})
