import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Context, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Batch from "../src/Batch.ts"
import { batchOf, upTo } from "./PlayedBatch.ts"
import { fork, nothingLeft } from "./Running.ts"

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
        yield* Effect.withFiber((fiber) =>
          Effect.sync(() => Alarm.set(Alarm.timekeeper(fiber), 5, { ring: () => (rang = true) }))
        )
        yield* TestClock.adjust("5 millis")
        assert.deepStrictEqual(
          callers.map((caller) => caller.pollUnsafe()),
          [Exit.succeed(Exit.die(bug)), Exit.succeed(Exit.die(bug))]
        )
        assert.isTrue(rang)
        yield* nothingLeft(fetch.size)
      })
  )

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
})
