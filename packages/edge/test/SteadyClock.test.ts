import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Logger } from "effect"
import * as SteadyClock from "../src/SteadyClock.ts"

/** A machine's clock that the test sets, and how long its process has run. */
const machine = Effect.gen(function* () {
  const real = yield* Clock.Clock
  const state = { date: 1_700_000_000_000, ran: 250.75 }
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => state.date,
    currentTimeMillis: Effect.sync(() => state.date),
    currentTimeNanosUnsafe: () => BigInt(state.date) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(state.date) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => 42n,
    monotonicTimeNanos: Effect.succeed(42n),
    sleep: (duration) => real.sleep(duration)
  }
  return { state, clock, steady: SteadyClock.make(clock, () => state.ran) }
})

describe("SteadyClock", () => {
  it.effect("goes on where the machine's clock was, in whole milliseconds, whatever that is set to", () =>
    Effect.gen(function* () {
      const { state, steady } = yield* machine
      assert.strictEqual(steady.currentTimeMillisUnsafe(), 1_700_000_000_000)
      for (const by of [-3_600_000, 3_600_000, 0]) {
        const before = steady.currentTimeMillisUnsafe()
        state.date += by
        assert.strictEqual(steady.currentTimeMillisUnsafe(), before)
        state.ran += 1_000
        assert.strictEqual(yield* steady.currentTimeMillis, before + 1_000)
      }
      assert.isTrue(Number.isInteger(steady.currentTimeMillisUnsafe()))
      assert.strictEqual(steady.monotonicTimeNanosUnsafe(), 42n)
    })
  )

  it.effect("leaves the machine's date to whoever asks for it", () =>
    Effect.gen(function* () {
      const { state, steady } = yield* machine
      state.date -= 3_600_000
      assert.strictEqual(SteadyClock.date(steady).getTime(), 1_700_000_000_000 - 3_600_000)
      assert.strictEqual(yield* steady.currentTimeNanos, (1_700_000_000_000n - 3_600_000n) * 1_000_000n)
    })
  )

  it.effect("has the log say the machine's date", () =>
    Effect.gen(function* () {
      const { clock, state } = yield* machine
      const dates: Array<number> = []
      const noting = Logger.make<unknown, void>(({ date }) => void dates.push(date.getTime()))
      yield* Effect.gen(function* () {
        const steady = yield* Clock.Clock
        assert.notStrictEqual(steady, clock)
        state.date -= 3_600_000
        yield* Effect.logInfo("a line")
        assert.isAbove(steady.currentTimeMillisUnsafe(), state.date + 3_000_000)
      }).pipe(
        Effect.provide(Layer.provide(SteadyClock.layer, Logger.layer([noting]))),
        Effect.provideService(Clock.Clock, clock)
      )
      assert.deepStrictEqual(dates, [1_700_000_000_000 - 3_600_000])
    })
  )
})
