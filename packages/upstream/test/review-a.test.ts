import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Deferred, Effect, Exit, Fiber, Latch, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Hedge from "../src/Hedge.ts"
import * as Batch from "../src/Batch.ts"
import * as Breaker from "../src/Breaker.ts"
import { hedgeAlways, thingOver, outcome, good, bad } from "./PlayedThing.ts"
import { fork } from "./Running.ts"

describe("review", () => {
  it.effect("hedge: second attempt synchronously lets the first succeed", () =>
    Effect.gen(function* () {
      const told: Array<string> = []
      const hedge = Hedge.make({ ...hedgeAlways, onHedge: (what) => void told.push(what) })
      yield* hedge(Effect.sleep(20)).pipe(fork)
      yield* TestClock.adjust("2 seconds")
      const latch = Latch.makeUnsafe()
      let begun = 0
      let secondState = "none"
      const call = Effect.suspend(() =>
        ++begun === 1
          ? Effect.as(latch.await, "first")
          : Effect.sync(() => {
              secondState = "running"
              latch.openUnsafe()
            }).pipe(
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() => Effect.sync(() => (secondState = "ended")))
            )
      )
      const f = yield* fork(hedge(call))
      yield* TestClock.adjust("2 seconds")
      console.log("HEDGE-LATCH", f.pollUnsafe(), secondState, begun, told)
    })
  )
  it.effect("hedge: same with Deferred", () =>
    Effect.gen(function* () {
      const hedge = Hedge.make({ ...hedgeAlways })
      yield* hedge(Effect.sleep(20)).pipe(fork)
      yield* TestClock.adjust("2 seconds")
      const d = yield* Deferred.make<string>()
      let begun = 0
      let secondState = "none"
      const call: Effect.Effect<string> = Effect.suspend(() =>
        ++begun === 1
          ? Deferred.await(d)
          : Deferred.succeed(d, "x").pipe(
              Effect.andThen(
                Effect.sync(() => {
                  secondState = "running"
                })
              ),
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() => Effect.sync(() => (secondState = "ended")))
            )
      )
      const f = yield* fork(hedge(call))
      yield* TestClock.adjust("2 seconds")
      console.log("HEDGE-DEFERRED", f.pollUnsafe(), secondState, begun)
    })
  )
  it.effect("batch: window 0 on the test clock", () =>
    Effect.gen(function* () {
      const b = yield* Batch.make({
        group: (_: string) => "",
        window: 0,
        call: () => Effect.succeed((i: string) => Effect.succeed(i))
      })
      const f = yield* fork(b("a"))
      yield* TestClock.adjust("2 seconds")
      console.log("BATCH0", f.pollUnsafe(), b.size())
      yield* Fiber.interrupt(f)
    })
  )
  it.effect("batch: a visited waiter with pending reading, interrupted while the next is answered", () =>
    Effect.gen(function* () {
      let reading = "none"
      const b = yield* Batch.make({
        group: (_: string) => "",
        call: () =>
          Effect.succeed((i: string): Effect.Effect<string> =>
            i === "a"
              ? Effect.sync(() => (reading = "running")).pipe(
                  Effect.andThen(Effect.sleep("50 millis")),
                  Effect.andThen(Effect.sync(() => (reading = "finished"))),
                  Effect.onInterrupt(() => Effect.sync(() => (reading = "interrupted")))
                )
              : Effect.succeed(i)
          )
      })
      const a = yield* fork(b("a"))
      const bb = yield* fork(Effect.tap(b("b"), () => Effect.sync(() => a.interruptUnsafe())))
      yield* TestClock.adjust("10 millis")
      console.log("BATCHREAD", a.pollUnsafe(), bb.pollUnsafe(), reading, b.size())
      yield* TestClock.adjust("1 second")
      console.log("BATCHREAD2", reading)
    })
  )
  it.effect("batch: the call interrupts its callers as it is sent", () =>
    Effect.gen(function* () {
      let state = "none"
      let caller: Fiber.Fiber<unknown, unknown> | undefined
      const b = yield* Batch.make({
        group: (_: string) => "",
        call: () =>
          Effect.sync(() => {
            state = "running"
            caller?.interruptUnsafe()
          }).pipe(
            Effect.andThen(Effect.sleep("1 hour")),
            Effect.onInterrupt(() => Effect.sync(() => (state = "interrupted"))),
            Effect.as((i: string) => Effect.succeed(i))
          )
      })
      caller = yield* fork(b("a"))
      yield* TestClock.adjust("10 millis")
      console.log("BATCHSEND", caller.pollUnsafe(), state, b.size())
    })
  )
})

const rng = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 2 ** 32
}
describe("fuzz", () => {
  for (let seed = 1; seed <= 60; seed++)
    it.effect("stack " + seed, () =>
      Effect.gen(function* () {
        const r = rng(seed * 7919)
        const scope = yield* Scope.make()
        const { fetch, exchanges } = yield* thingOver(
          () =>
            Effect.suspend(() => {
              const ms = r() < 0.15 ? 0 : Math.floor(r() * 130)
              const what = r()
              const end = what < 0.5 ? good : what < 0.8 ? bad : what < 0.9 ? Effect.die("x") : Effect.never
              return ms === 0 ? end : Effect.andThen(Effect.sleep(ms), end)
            }),
          {
            retries: 2,
            bulkhead: 6,
            hedge: hedgeAlways,
            breaker: { ...Breaker.defaults, upstream: "t" } as never,
            ...(r() < 0.5 ? { freshFor: 20 } : {})
          }
        ).pipe(Scope.provide(scope))
        const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
        for (let step = 0; step < 300; step++) {
          const what = r()
          if (what < 0.55) {
            const id = r() < 0.1 ? 1000 + step : Math.floor(r() * 6)
            const call = fetch(id)
            fibers.push(yield* fork(Effect.exit(r() < 0.8 ? Deadline.within(1 + Math.floor(r() * 400))(call) : call)))
          } else if (what < 0.7 && fibers.length > 0) fibers[Math.floor(r() * fibers.length)]?.interruptUnsafe()
          else yield* TestClock.adjust(Math.floor(r() * 25))
        }
        yield* TestClock.adjust("20 seconds")
        const pendingFibers = fibers.filter((f) => f.pollUnsafe() === undefined).length
        assert.strictEqual(pendingFibers, 0)
        assert.strictEqual(yield* Alarm.pending, 0)
        assert.strictEqual(exchanges.filter((e) => e.state === "open").length, 0)
        // all permits are back
        yield* TestClock.adjust("60 seconds")
        yield* Scope.close(scope, Exit.void)
      })
    )
})
void outcome
