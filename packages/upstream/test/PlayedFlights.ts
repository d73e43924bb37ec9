/** A Coalesce over flights that say when they begin and how they end. */
import { Effect, Exit } from "effect"
import * as Coalesce from "../src/Coalesce.ts"

/** Flights of up to 1 s, of which one attempt takes 100 ms. */
export const coalesceOf = <A, E, R>(call: (key: string) => Effect.Effect<A, E, R>, onJoin?: () => void) =>
  Coalesce.make({
    key: (key: string) => key,
    call,
    limit: "1 second",
    enough: "100 millis",
    late: Exit.fail("late" as const),
    ...(onJoin === undefined ? {} : { onJoin })
  })

/** Flights that take 50 ms and say how they ended. */
export const flights = (finalizer: Effect.Effect<void> = Effect.void) => {
  const log: Array<string> = []
  let begun = 0
  const call = (key: string) =>
    Effect.suspend(() => {
      const name = `${key}${++begun}`
      log.push(`${name} begins`)
      return Effect.sleep("50 millis").pipe(
        Effect.as(name),
        Effect.tap(() => Effect.sync(() => log.push(`${name} ends`))),
        Effect.onInterrupt(() => Effect.andThen(finalizer, () => Effect.sync(() => log.push(`${name} is cancelled`))))
      )
    })
  return { log, call }
}
