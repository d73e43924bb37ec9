import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Data, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Hedge from "../src/Hedge.ts"
import { Timeout, UpstreamError } from "../src/UpstreamError.ts"
import { lived } from "./Running.ts"

class No extends Data.TaggedError("No")<{ readonly attempt: string }> {
  // By which assertions tell one from another.
  override get message() {
    return this.attempt
  }
}

/** A call whose attempts do one thing after the other, and how many have begun. */
const inTurn = <A, E>(...attempts: ReadonlyArray<Effect.Effect<A, E>>) => {
  let begun = 0
  const call = Effect.suspend(() => attempts[begun++] ?? Effect.die("one attempt too many"))
  return { call, begun: () => begun }
}

const after = <A, E>(millis: number, end: Effect.Effect<A, E>) => Effect.andThen(Effect.sleep(millis), end)

/** An attempt that never answers and takes so long to end when it is interrupted. */
const hangs = (ending: number) => {
  let state: "under way" | "ending" | "ended" = "under way"
  const attempt: Effect.Effect<never> = Effect.onInterrupt(Effect.never, () => {
    state = "ending"
    return Effect.andThen(
      Effect.sleep(ending),
      Effect.sync(() => (state = "ended"))
    )
  })
  return { attempt, state: () => state }
}

/** A hedge that has seen answers after 20 and now and then `slow` milliseconds, and what it told since. */
const primed = (options: Partial<Hedge.Options> = {}, { usual = 20, slow = 50 } = {}) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const hedge = Hedge.make({ ...Hedge.defaults, ...options, onHedge: (what) => told.push(what) })
    const calls = Effect.forEach(
      Array.from({ length: 200 }),
      (_, index) => hedge(Effect.sleep(index % 15 === 0 ? slow : usual)),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
    yield* Effect.forkChild(calls)
    yield* TestClock.adjust("2 seconds")
    return { hedge, told }
  })

/** When the second attempt is sent: the p95 of what `primed` has seen, of 50 milliseconds, as the histogram knows it. */
const trigger = 52

describe("a hedge", () => {
  it.effect("the second attempt's success wins; the first is interrupted, and its end awaited", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      const first = hangs(100)
      const { call, begun } = inTurn(first.attempt, after(10, Effect.succeed("second")))
      const outcome = yield* lived(hedge(call))
      assert.deepStrictEqual(outcome, { exit: Exit.succeed("second"), millis: trigger + 10 + 100 })
      assert.strictEqual(first.state(), "ended")
      assert.strictEqual(begun(), 2)
      assert.deepStrictEqual(told, ["sent", "won"])
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("the first attempt's success wins over a hedge that was sent, which is interrupted and awaited", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      const second = hangs(100)
      const outcome = yield* lived(hedge(inTurn(after(80, Effect.succeed("first")), second.attempt).call))
      assert.deepStrictEqual(outcome, { exit: Exit.succeed("first"), millis: 180 })
      assert.strictEqual(second.state(), "ended")
      assert.deepStrictEqual(told, ["sent"])
    })
  )

  it.effect("a call that answers sooner than usual makes one attempt", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      assert.deepStrictEqual(yield* lived(hedge(inTurn(after(50, Effect.succeed("first"))).call)), {
        exit: Exit.succeed("first"),
        millis: 50
      })
      assert.deepStrictEqual(told, [])
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("a first attempt that fails, or dies, soon is not hedged", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      for (const end of [Exit.fail("no"), Exit.die("bug")]) {
        assert.deepStrictEqual(yield* lived(hedge(inTurn(after(5, end)).call)), { exit: end, millis: 5 })
        assert.deepStrictEqual(yield* lived(hedge(inTurn(end).call)), { exit: end, millis: 0 })
      }
      assert.deepStrictEqual(told, [])
    })
  )

  const races: Record<string, readonly [first: Effect.Effect<string, No>, second: Effect.Effect<string, No>]> = {
    first: [after(60, new No({ attempt: "first" })), after(100, Effect.succeed("answer"))],
    second: [after(200, Effect.succeed("answer")), after(10, new No({ attempt: "second" }))]
  }
  for (const [who, [first, second]] of Object.entries(races)) {
    it.effect(`the ${who} attempt's failure is nothing while the other runs`, () =>
      Effect.gen(function* () {
        const { hedge } = yield* primed()
        const { exit } = yield* lived(hedge(inTurn(first, second).call))
        assert.deepStrictEqual(exit, Exit.succeed("answer"))
      })
    )
  }

  it.effect("where both fail the error is the first attempt's or, in time, the first of both", () =>
    Effect.gen(function* () {
      const { hedge } = yield* primed()
      const [first, second] = [new No({ attempt: "first" }), new No({ attempt: "second" })]
      const early = yield* lived(hedge(inTurn(after(60, first), after(100, second)).call))
      assert.deepStrictEqual(early, { exit: Exit.fail(first), millis: trigger + 100 })
      const late = yield* lived(hedge(inTurn(after(200, first), after(10, second)).call))
      assert.deepStrictEqual(late, { exit: Exit.fail(first), millis: 200 })
    })
  )

  it.effect("interrupting the caller interrupts both attempts, and waits for both", () =>
    Effect.gen(function* () {
      const { hedge } = yield* primed()
      const [first, second] = [hangs(50), hangs(100)]
      const caller = yield* Effect.forkChild(hedge(inTurn(first.attempt, second.attempt).call))
      yield* TestClock.adjust(trigger + 10)
      yield* Effect.forkChild(Fiber.interrupt(caller), { startImmediately: true })
      yield* TestClock.adjust(50)
      assert.deepStrictEqual([first.state(), second.state()], ["ended", "ending"])
      assert.isUndefined(caller.pollUnsafe())
      yield* TestClock.adjust(50)
      assert.strictEqual(second.state(), "ended")
      assert.isTrue(Exit.hasInterrupts(caller.pollUnsafe()!))
      assert.strictEqual(yield* Alarm.pending, 0)
    })
  )

  it.effect("a caller who leaves while the loser is ending waits for its end", () =>
    Effect.gen(function* () {
      const { hedge } = yield* primed()
      const first = hangs(100)
      const caller = yield* Effect.forkChild(hedge(inTurn(first.attempt, Effect.succeed("second")).call))
      yield* TestClock.adjust(trigger + 10)
      assert.strictEqual(first.state(), "ending")
      yield* Effect.forkChild(Fiber.interrupt(caller), { startImmediately: true })
      yield* TestClock.adjust(50)
      assert.isUndefined(caller.pollUnsafe())
      yield* TestClock.adjust(50)
      assert.strictEqual(first.state(), "ended")
      assert.isDefined(caller.pollUnsafe())
    })
  )

  it.effect("without enough latencies nothing is hedged", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed({ atLeast: 201 })
      assert.deepStrictEqual(yield* lived(hedge(inTurn(after(900, Effect.succeed("first"))).call)), {
        exit: Exit.succeed("first"),
        millis: 900
      })
      assert.deepStrictEqual(told, [])
    })
  )

  it.effect("latencies of longer ago than the window are not known any more", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      yield* TestClock.adjust("31 seconds")
      yield* lived(hedge(inTurn(after(900, Effect.succeed("first"))).call))
      assert.deepStrictEqual(told, [])
    })
  )

  it.effect("nothing is hedged before the floor", () =>
    Effect.gen(function* () {
      const { hedge } = yield* primed({}, { usual: 1, slow: 3 })
      const outcome = yield* lived(hedge(inTurn(Effect.never, Effect.succeed("second")).call))
      assert.deepStrictEqual(outcome, { exit: Exit.succeed("second"), millis: 10 })
    })
  )

  it.effect("what its budget does not pay is not hedged", () =>
    Effect.gen(function* () {
      const { hedge, told } = yield* primed()
      // Two hundred calls have paid ten.
      const slow = Effect.forEach(Array.from({ length: 15 }), () => hedge(Effect.sleep(100)), {
        concurrency: "unbounded",
        discard: true
      })
      yield* lived(slow)
      assert.strictEqual(told.filter((what) => what === "sent").length, 10)
      assert.strictEqual(told.filter((what) => what === "unpaid").length, 5)
    })
  )

  it.effect("fast failures do not make usual answers look slow, and timeouts count as slow", () =>
    Effect.gen(function* () {
      const { hedge } = yield* primed({ extra: 1 })
      const many = (call: Effect.Effect<never, No | UpstreamError>) =>
        Effect.forEach(Array.from({ length: 1_000 }), () => Effect.exit(hedge(call)), {
          concurrency: "unbounded",
          discard: true
        })
      yield* lived(many(after(1, new No({ attempt: "fast" }))))
      const unchanged = yield* lived(hedge(inTurn(Effect.never, Effect.succeed("second")).call))
      assert.deepStrictEqual(unchanged, { exit: Exit.succeed("second"), millis: trigger })
      const timeout = new UpstreamError({ upstream: "thing", reason: new Timeout({ limit: "attempt" }) })
      yield* lived(many(after(400, timeout)))
      // Now most are as slow as that: a second attempt would be, too.
      const { call, begun } = inTurn(after(900, Effect.succeed("first")))
      assert.deepStrictEqual(yield* lived(hedge(call)), { exit: Exit.succeed("first"), millis: 900 })
      assert.strictEqual(begun(), 1)
    })
  )
})
