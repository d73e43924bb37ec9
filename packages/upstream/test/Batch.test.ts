import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Context, Deferred, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Batch from "../src/Batch.ts"

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Answers each of several ids, after 10 ms, with what `say` says of it; keeps what it was asked. */
const batchOf = (
  say: (id: number) => Effect.Effect<string, string> = (id) => Effect.succeed(`item ${id}`),
  answering: Effect.Effect<void, string> = Effect.sleep("10 millis")
) =>
  Effect.gen(function* () {
    const asked: Array<ReadonlyArray<number>> = []
    const sizes: Array<number> = []
    const log: Array<string> = []
    const fetch = yield* Batch.make({
      group: (id: number) => (id < 1_000 ? "small" : "large"),
      call: (ids: ReadonlyArray<number>) =>
        Effect.suspend(() => {
          asked.push(ids)
          return answering.pipe(
            Effect.as(say),
            Effect.onInterrupt(() => Effect.sync(() => log.push("cancelled")))
          )
        }),
      onSend: (size) => sizes.push(size)
    })
    return { fetch, asked, sizes, log }
  })

const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, id) => id)

const nothingLeft = (size: () => number) =>
  Effect.gen(function* () {
    assert.strictEqual(size(), 0)
    assert.strictEqual(yield* Alarm.pending, 0)
  })

describe("Batch", () => {
  it.effect("calls within a millisecond go out as one request, and each gets its own answer", () =>
    Effect.gen(function* () {
      const { fetch, asked, sizes } = yield* batchOf()
      const callers = yield* Effect.forEach([7, 8, 9], (id) => fork(fetch(id)))
      assert.deepStrictEqual(asked, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(asked, [[7, 8, 9]])
      const late = yield* fork(fetch(10))
      yield* TestClock.adjust("11 millis")
      assert.deepStrictEqual(yield* Effect.forEach([...callers, late], Fiber.join), [
        "item 7",
        "item 8",
        "item 9",
        "item 10"
      ])
      assert.deepStrictEqual(asked, [[7, 8, 9], [10]])
      assert.deepStrictEqual(sizes, [3, 1])
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("250 calls become three requests: full ones leave at once, the rest when the window ends", () =>
    Effect.gen(function* () {
      const { fetch, asked, sizes } = yield* batchOf()
      const all = yield* fork(Effect.forEach(upTo(250), fetch, { concurrency: "unbounded" }))
      assert.deepStrictEqual(sizes, [100, 100])
      assert.strictEqual(fetch.size(), 3)
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(sizes, [100, 100, 50])
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual(
        yield* Fiber.join(all),
        upTo(250).map((id) => `item ${id}`)
      )
      assert.deepStrictEqual(asked.flat(), upTo(250))
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("what cannot be asked for together goes out apart", () =>
    Effect.gen(function* () {
      const { fetch, asked } = yield* batchOf()
      const all = yield* fork(Effect.forEach([1, 1_001, 2, 1_002], fetch, { concurrency: "unbounded" }))
      yield* TestClock.adjust("11 millis")
      assert.deepStrictEqual(yield* Fiber.join(all), ["item 1", "item 1001", "item 2", "item 1002"])
      assert.deepStrictEqual(asked, [
        [1, 2],
        [1_001, 1_002]
      ])
    })
  )

  it.effect("an answer that fails one id fails that caller alone", () =>
    Effect.gen(function* () {
      const { fetch } = yield* batchOf((id) => (id === 2 ? Effect.fail("not found") : Effect.succeed(`item ${id}`)))
      const all = yield* Effect.forEach([1, 2, 3], (id) => fork(Effect.exit(fetch(id))))
      yield* TestClock.adjust("11 millis")
      assert.deepStrictEqual(yield* Effect.forEach(all, Fiber.join), [
        Exit.succeed("item 1"),
        Exit.fail("not found"),
        Exit.succeed("item 3")
      ])
    })
  )

  it.effect("a bug in reading one id is that caller's defect: its neighbours get their answers", () =>
    Effect.gen(function* () {
      const bug = new Error("bug")
      const { fetch } = yield* batchOf((id) => {
        if (id === 1) throw bug
        return Effect.succeed(`item ${id}`)
      })
      const all = yield* Effect.forEach([1, 2, 3], (id) => fork(Effect.exit(fetch(id))))
      yield* TestClock.adjust("11 millis")
      assert.deepStrictEqual(
        all.map((caller) => caller.pollUnsafe()),
        [Exit.succeed(Exit.die(bug)), Exit.succeed(Exit.succeed("item 2")), Exit.succeed(Exit.succeed("item 3"))]
      )
    })
  )

  it.effect("a batch that fails, or has a defect, falls on each caller", () =>
    Effect.gen(function* () {
      const bug = new Error("bug")
      for (const [ends, exit] of [
        [Effect.fail("down"), Exit.fail("down")],
        [Effect.die(bug), Exit.die(bug)]
      ] as const) {
        const { fetch } = yield* batchOf(undefined, Effect.andThen(Effect.sleep("10 millis"), ends))
        const all = yield* Effect.forEach([1, 2], (id) => fork(Effect.exit(fetch(id))))
        yield* TestClock.adjust("11 millis")
        assert.deepStrictEqual(yield* Effect.forEach(all, Fiber.join), [exit, exit])
        yield* nothingLeft(fetch.size)
      }
    })
  )

  it.effect(
    "a request that throws before it has become an effect is each caller's defect, and stops no other alarm",
    () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const fetch = yield* Batch.make({
          group: () => "",
          call: (): Effect.Effect<(id: number) => Effect.Effect<string>> => {
            throw bug
          }
        })
        let rang = false
        const callers = yield* Effect.forEach([1, 2], (id) => fork(Effect.exit(fetch(id))))
        yield* Effect.withFiber((fiber) => Effect.sync(() => Alarm.set(fiber, 5, () => (rang = true))))
        yield* TestClock.adjust("5 millis")
        assert.deepStrictEqual(
          callers.map((caller) => caller.pollUnsafe()),
          [Exit.succeed(Exit.die(bug)), Exit.succeed(Exit.die(bug))]
        )
        assert.isTrue(rang)
        yield* nothingLeft(fetch.size)
      })
  )

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

  describe("the request's context", () => {
    const spy = Effect.gen(function* () {
      const seen: Array<object> = []
      const fetch = yield* Batch.make({
        group: () => "",
        call: () =>
          Effect.withFiber((fiber) => {
            seen.push({
              deadline: fiber.getRef(Deadline.Deadline),
              requestId: fiber.getRef(RequestId.RequestId),
              traceId: fiber.getRef(TraceContext.TraceContext)?.traceId,
              secret: fiber.getRef(Secret)
            })
            return Effect.succeed((id: number) => Effect.succeed(id))
          })
      })
      return { fetch, seen }
    })
    const Secret = Context.Reference<string>("test/Secret", { defaultValue: () => "none" })
    const from = (name: string, budget: number) => (call: Effect.Effect<number>) =>
      call.pipe(
        Deadline.within(budget),
        Effect.provideService(RequestId.RequestId, name),
        Effect.provideService(TraceContext.TraceContext, { traceId: name, flags: "00" }),
        Effect.provideService(Secret, name)
      )

    it.effect("has the latest deadline of its callers, and the names of the first", () =>
      Effect.gen(function* () {
        const { fetch, seen } = yield* spy
        for (const [name, budget] of [
          ["r-1", 50],
          ["r-2", 300],
          ["r-3", 100]
        ] as const)
          yield* fork(from(name, budget)(fetch(budget)))
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(seen, [{ deadline: 300, requestId: "r-1", traceId: "r-1", secret: "none" }])
      })
    )

    it.effect("has the deadline and the names of those who are still there when it is sent", () =>
      Effect.gen(function* () {
        const { fetch, seen } = yield* spy
        const first = yield* fork(from("r-1", 300)(fetch(1)))
        yield* fork(from("r-2", 100)(fetch(2)))
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(seen, [{ deadline: 100, requestId: "r-2", traceId: "r-2", secret: "none" }])
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
