/** Parts that take their time on the test's clock, and how long a fan-out of them took. */
import * as Direct from "@portico/call/Direct"
import { Data, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type * as Timeline from "../src/Timeline.ts"

export class Boom extends Data.TaggedError("Boom")<{ readonly by: string }> {}

/** Works for so many seconds; says when it was interrupted. */
export const work = (name: string, seconds: number, interrupted: Array<string> = []) =>
  Effect.sleep(`${seconds} seconds`).pipe(
    Effect.as(name),
    Effect.onInterrupt(() => Effect.sync(() => interrupted.push(name)))
  )

/** The parts as they are: each gets a fiber. */
const withFibers = <P extends object>(parts: P): P => parts

/** The same parts as calls that are begun without one; what they do is the same. */
const direct = <P extends object>(parts: P): P => {
  const begun = (effect: Effect.Effect<unknown, unknown>) =>
    Direct.make<unknown, unknown>((caller, asker) => Direct.begin(effect, caller, asker))
  const made = Object.entries(parts).map(([name, part]): [string, unknown] => {
    if (Effect.isEffect(part)) return [name, begun(part as Effect.Effect<unknown, unknown>)]
    return [name, "effect" in part ? { ...part, effect: begun(part.effect) } : part]
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each part has the type that it had
  return Object.fromEntries(made) as P
}

/** What a fan-out promises it promises of both. */
export const kinds: ReadonlyArray<readonly [name: string, of: <P extends object>(parts: P) => P]> = [
  ["of parts with fibers", withFibers],
  ["of calls without", direct]
]

/** Five parts, of 1 to 5 s. */
export const five = { a: work("a", 1), b: work("b", 2), c: work("c", 3), d: work("d", 4), e: work("e", 5) }

/** Runs it and says how long that took, in virtual milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.clockWith((clock) =>
        Effect.map(Effect.exit(effect), (exit) => ({ exit, millis: clock.currentTimeMillisUnsafe() }))
      ),
      { startImmediately: true }
    )
    const start = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    yield* TestClock.adjust("1 hour")
    const { exit, millis } = yield* Fiber.join(fiber)
    return { exit, millis: millis - start }
  })

/** Each part's mark as its name, when it began and when it ended. */
export const spans = (timeline: Timeline.Timeline) =>
  timeline.marks.map(({ part, startMillis, endMillis }) => [part, startMillis, endMillis])
