/** What a test sees of the process it runs in: fibers, alarms, timers, sockets; and a clock and metrics that are its own. */
import { assert } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Clock, Effect, Metric } from "effect"
import { eventually } from "./fixture.ts"

export interface Watch {
  /** How many fibers of this test are alive. */
  readonly fibers: () => number
  /** Puts the clock forward. */
  readonly jump: (millis: number) => void
}

/** Runs a test whose fibers, clock and metrics nobody else shares. */
export const watched = <E, R>(test: (watch: Watch) => Effect.Effect<void, E, R>) =>
  Effect.clockWith((clock) => {
    let fibers = 0
    const mine = ahead(clock)
    return test({ fibers: () => fibers, jump: mine.jump }).pipe(
      Effect.provideService(Clock.Clock, mine.clock),
      Effect.provideService(Metric.MetricRegistry, new Map()),
      Effect.provideService(Metric.FiberRuntimeMetrics, {
        recordFiberStart: () => void fibers++,
        recordFiberEnd: () => void fibers--
      })
    )
  })

/** Waits until no more fibers are alive than so many, and sees that no alarm is set. */
export const resting = ({ fibers }: Watch, alive: number) =>
  Effect.gen(function* () {
    yield* eventually(() => fibers() === alive)
    assert.strictEqual(yield* Alarm.pending, 0)
  })

/** Sees that the process has no more timers and sockets after the test than before it: the test must run alone. */
export const leavingNothing = <E, R>(test: Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const timers = resources("Timeout")
    const sockets = resources("TCPSocketWrap")
    yield* Effect.scoped(test)
    yield* eventually(() => resources("Timeout") <= timers)
    yield* eventually(() => resources("TCPSocketWrap") <= sockets)
  })

const resources = (kind: string) => process.getActiveResourcesInfo().filter((resource) => resource === kind).length

/** A clock that goes as `clock` does, and can be put forward. */
const ahead = (clock: Clock.Clock) => {
  let by = 0
  const currentTimeMillisUnsafe = () => clock.currentTimeMillisUnsafe() + by
  const currentTimeNanosUnsafe = () => clock.currentTimeNanosUnsafe() + BigInt(by) * 1_000_000n
  const forward: Clock.Clock = {
    currentTimeMillisUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanosUnsafe,
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
  const jump = (millis: number) => {
    by += millis
  }
  return { clock: forward, jump }
}
