import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { batchOf } from "./PlayedBatch.ts"
import { fork, nothingLeft } from "./Running.ts"

describe("Batch, when callers leave", () => {
  describe("leaving", () => {
    it.effect("who leaves before the request is sent is not asked for", () =>
      Effect.gen(function* () {
        const { fetch, asked } = yield* batchOf()
        const [first, second] = yield* Effect.all([fork(fetch(1)), fork(fetch(2))])
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("11 millis")
        assert.strictEqual(yield* Fiber.join(second), "item 2")
        assert.deepStrictEqual(asked, [[2]])
      })
    )

    it.effect("when all have left before it is sent, nothing is", () =>
      Effect.gen(function* () {
        const { fetch, asked, sizes } = yield* batchOf()
        yield* Fiber.interruptAll(yield* Effect.forEach([1, 2], (id) => fork(fetch(id))))
        yield* nothingLeft(fetch.size)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(asked, [])
        assert.deepStrictEqual(sizes, [])
      })
    )

    it.effect("who leaves a request under way takes nothing from the others", () =>
      Effect.gen(function* () {
        const { fetch, asked, log } = yield* batchOf()
        const [first, second] = yield* Effect.all([fork(fetch(1)), fork(fetch(2))])
        yield* TestClock.adjust("5 millis")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("6 millis")
        assert.strictEqual(yield* Fiber.join(second), "item 2")
        assert.deepStrictEqual(asked, [[1, 2]])
        assert.deepStrictEqual(log, [])
      })
    )

    it.effect("the last to leave interrupts the request", () =>
      Effect.gen(function* () {
        const { fetch, log } = yield* batchOf()
        const callers = yield* Effect.forEach([1, 2], (id) => fork(fetch(id)))
        yield* TestClock.adjust("5 millis")
        yield* Fiber.interruptAll(callers)
        assert.deepStrictEqual(log, ["cancelled"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("the last to leave waits for the request's finalizers, and a newcomer opens another batch", () =>
      Effect.gen(function* () {
        const released: Array<string> = []
        const slow = Effect.onInterrupt(Effect.sleep("10 millis"), () =>
          Effect.andThen(Effect.sleep("20 millis"), () => Effect.sync(() => released.push("released")))
        )
        const { fetch, asked } = yield* batchOf(undefined, slow)
        const first = yield* fork(fetch(1))
        yield* TestClock.adjust("5 millis")
        const leaving = yield* fork(Fiber.interrupt(first))
        const newcomer = yield* fork(fetch(2))
        yield* TestClock.adjust("11 millis")
        assert.strictEqual(yield* Fiber.join(newcomer), "item 2")
        assert.isUndefined(leaving.pollUnsafe())
        yield* TestClock.adjust("9 millis")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(released, ["released"])
        assert.deepStrictEqual(asked, [[1], [2]])
        yield* nothingLeft(fetch.size)
      })
    )
  })

  it.effect("closing the scope ends the wait of every caller, of those whose request was not sent too", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { fetch, asked, log } = yield* Scope.provide(batchOf(), scope)
      const sent = yield* fork(Effect.exit(fetch(1)))
      yield* TestClock.adjust("5 millis")
      const gathering = yield* fork(Effect.exit(fetch(2)))
      yield* Scope.close(scope, Exit.void)
      for (const caller of [sent, gathering]) {
        const exit = caller.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.isSuccess(exit) && Exit.hasInterrupts(exit.value))
      }
      assert.deepStrictEqual(asked, [[1]])
      assert.deepStrictEqual(log, ["cancelled"])
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a caller that goes on at once and cancels another, with the answers being handed out, harms nobody", () =>
    Effect.gen(function* () {
      const gate = Deferred.makeUnsafe<void>()
      const { fetch } = yield* batchOf(undefined, Deferred.await(gate))
      const cancelled = Deferred.makeUnsafe<Fiber.Fiber<string, string>>()
      yield* fork(
        Effect.andThen(
          fetch(1),
          Effect.map(Deferred.await(cancelled), (fiber) => fiber.interruptUnsafe())
        )
      )
      const second = yield* fork(fetch(2))
      yield* Deferred.succeed(cancelled, second)
      const third = yield* fork(fetch(3))
      yield* TestClock.adjust("1 millis")
      yield* Deferred.succeed(gate, undefined)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(second)))
      assert.strictEqual(yield* Fiber.join(third), "item 3")
      yield* nothingLeft(fetch.size)
    })
  )
})
