/** A breaker over calls that a test plays: some good, some bad, some that wait. */
import { assert } from "@effect/vitest"
import { Clock, Data, Effect } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import { type Reason, Status, UpstreamError } from "../src/UpstreamError.ts"
import { fork } from "./Running.ts"

/** An error of the domain. */
export class NoThing extends Data.TaggedError("NoThing")<{}> {}

export const because = (reason: Reason) => new UpstreamError({ upstream: "thing", reason })

export const good = Effect.succeed("answer")
export const down = because(new Status({ status: 503 }))
export const bad = Effect.fail(down)

export const make = (options: Partial<Breaker.Options> = {}) =>
  Breaker.make({ ...Breaker.defaults, upstream: "thing", ...options })

export const stateOf = (breaker: Breaker.Breaker) => Effect.map(Clock.currentTimeMillis, breaker.state)

export const times = (count: number, breaker: Breaker.Breaker, call: Effect.Effect<string, unknown>) =>
  Effect.forEach(Array.from({ length: count }), () => Effect.exit(breaker(call)))

/** For how long a breaker says that it refuses; undefined where it does not. */
export const refusal = (breaker: Breaker.Breaker) =>
  Effect.map(Effect.result(breaker(Effect.void)), (result) =>
    result._tag === "Failure" && result.failure.reason._tag === "Rejected" ? result.failure.reason : undefined
  )

export const opened = (options: Partial<Breaker.Options> = {}) =>
  Effect.gen(function* () {
    const breaker = make(options)
    yield* times(20, breaker, bad)
    assert.strictEqual(yield* stateOf(breaker), "open")
    return breaker
  })

/** A breaker whose first opening, of 1.2 seconds at most, is over. */
export const halfOpen = (options: Partial<Breaker.Options> = {}) =>
  Effect.tap(opened(options), () => TestClock.adjust("1200 millis"))

/** Begins a call and lets it wait. */
export const begin = <E>(breaker: Breaker.Breaker, call: Effect.Effect<string, E>) => fork(breaker(call))
