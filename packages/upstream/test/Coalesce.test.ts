import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Provenance from "@portico/call/Provenance"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Clock, Context, Deferred, Effect, Exit, Fiber, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Coalesce from "../src/Coalesce.ts"

/** Flights of up to 1 s, of which one attempt takes 100 ms. */
const coalesceOf = <A, E, R>(call: (key: string) => Effect.Effect<A, E, R>, onJoin?: () => void) =>
  Coalesce.make({
    key: (key: string) => key,
    call,
    limit: "1 second",
    enough: "100 millis",
    late: Effect.fail("late" as const),
    ...(onJoin === undefined ? {} : { onJoin })
  })

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Flights that take 50 ms and say how they ended. */
const flights = (finalizer: Effect.Effect<void> = Effect.void) => {
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

const nothingLeft = (size: () => number) =>
  Effect.gen(function* () {
    assert.strictEqual(size(), 0)
    assert.strictEqual(yield* Alarm.pending, 0)
  })

describe("Coalesce", () => {
  it.effect("callers of one key share one flight; another key has its own", () =>
    Effect.gen(function* () {
      let joined = 0
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call, () => joined++)
      const callers = yield* Effect.forEach(["a", "a", "b", "a"], (key) => fork(fetch(key)))
      assert.strictEqual(fetch.size(), 2)
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), ["a1", "a1", "b2", "a1"])
      assert.deepStrictEqual(log, ["a1 begins", "b2 begins", "a1 ends", "b2 ends"])
      assert.strictEqual(joined, 2)
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("who comes after the flight has ended begins another, even at the same instant", () =>
    Effect.gen(function* () {
      const { call } = flights()
      const fetch = yield* coalesceOf(call)
      const twice = yield* fork(Effect.all([fetch("a"), fetch("a")]))
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual(yield* Fiber.join(twice), ["a1", "a2"])
    })
  )

  it.effect("a call that ends at once leaves nothing behind", () =>
    Effect.gen(function* () {
      const fetch = yield* coalesceOf((key) => Effect.succeed(key))
      assert.strictEqual(yield* fetch("a").pipe(Deadline.within("1 second")), "a")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect(
    "of the first caller only what names the request goes with the flight: not its deadline, nor anything else",
    () =>
      Effect.gen(function* () {
        const Secret = Context.Reference<string>("test/Secret", { defaultValue: () => "none" })
        const seen: Array<object> = []
        const fetch = yield* coalesceOf(() =>
          Effect.withFiber((fiber) => {
            seen.push({
              secret: fiber.getRef(Secret),
              trail: fiber.getRef(Provenance.CurrentTrail),
              deadline: fiber.getRef(Deadline.Deadline),
              requestId: fiber.getRef(RequestId.RequestId),
              trace: fiber.getRef(TraceContext.TraceContext)
            })
            return Effect.void
          })
        )
        const trace = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", flags: "01" }
        yield* fetch("a").pipe(
          Deadline.within("300 millis"),
          Effect.provideService(Secret, "the first caller's"),
          Effect.provideService(Provenance.CurrentTrail, { provenance: "fetched" }),
          Effect.provideService(RequestId.RequestId, "r-1"),
          Effect.provideService(TraceContext.TraceContext, trace)
        )
        // Its own limit of 1 s from now, rather than what the first caller has left.
        assert.deepStrictEqual(seen, [{ secret: "none", trail: undefined, deadline: 1_000, requestId: "r-1", trace }])
      })
  )

  it.effect("the flight has what the coalescer was made with, and not what a caller provides", () =>
    Effect.gen(function* () {
      class Greeting extends Context.Service<Greeting, string>()("test/Greeting") {}
      const fetch = yield* coalesceOf(() => Effect.map(Greeting, String)).pipe(
        Effect.provideService(Greeting, "made with")
      )
      assert.strictEqual(yield* Effect.provideService(fetch("a"), Greeting, "called with"), "made with")
    })
  )

  it.effect("the first caller's deadline ends its wait and nobody else's", () =>
    Effect.gen(function* () {
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call)
      const opener = yield* fork(fetch("a").pipe(Deadline.within("100 millis"), Effect.result))
      yield* TestClock.adjust("40 millis")
      const hurried = yield* fork(fetch("a").pipe(Deadline.within("5 millis"), Effect.flip))
      yield* TestClock.adjust("5 millis")
      assert.strictEqual(yield* Fiber.join(hurried), "late")
      assert.isUndefined(opener.pollUnsafe())
      yield* TestClock.adjust("5 millis")
      assert.strictEqual((yield* Fiber.join(opener))._tag, "Success")
      assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("a caller with time left gets the answer that comes after the first caller's deadline", () =>
    Effect.gen(function* () {
      const fetch = yield* coalesceOf((key) => Effect.as(Effect.sleep("150 millis"), key))
      const first = yield* fork(fetch("a").pipe(Deadline.within("120 millis"), Effect.flip))
      const second = yield* fork(fetch("a").pipe(Deadline.within("200 millis")))
      yield* TestClock.adjust("120 millis")
      assert.strictEqual(yield* Fiber.join(first), "late")
      yield* TestClock.adjust("30 millis")
      assert.strictEqual(yield* Fiber.join(second), "a")
      yield* nothingLeft(fetch.size)
    })
  )

  it.effect("who comes after its deadline begins nothing", () =>
    Effect.gen(function* () {
      const { log, call } = flights()
      const fetch = yield* coalesceOf(call)
      assert.strictEqual(yield* fetch("a").pipe(Deadline.within(0), Effect.flip), "late")
      assert.deepStrictEqual(log, [])
    })
  )

  describe("a first caller with too little time for one attempt", () => {
    it.effect("has a flight under its own deadline, which others with as little share", () =>
      Effect.gen(function* () {
        const deadlines: Array<number> = []
        const fetch = yield* coalesceOf(() =>
          Effect.withFiber((fiber) => {
            deadlines.push(fiber.getRef(Deadline.Deadline))
            return Effect.never
          })
        )
        yield* Effect.forEach([60, 60, 30], (budget) => fork(fetch("a").pipe(Deadline.within(budget), Effect.result)))
        assert.deepStrictEqual(deadlines, [60])
        yield* TestClock.adjust("60 millis")
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("does not cut short who has more: that one begins a flight of its own, which newcomers join", () =>
      Effect.gen(function* () {
        const { log, call } = flights()
        const fetch = yield* coalesceOf(call)
        const poor = yield* fork(fetch("a").pipe(Deadline.within("40 millis"), Effect.flip))
        const rich = yield* fork(fetch("a").pipe(Deadline.within("1 second")))
        const other = yield* fork(fetch("a"))
        assert.strictEqual(fetch.size(), 2)
        yield* TestClock.adjust("40 millis")
        assert.strictEqual(yield* Fiber.join(poor), "late")
        yield* TestClock.adjust("10 millis")
        assert.deepStrictEqual([yield* Fiber.join(rich), yield* Fiber.join(other)], ["a2", "a2"])
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
        yield* nothingLeft(fetch.size)
      })
    )
  })

  describe("leaving", () => {
    it.effect("the first caller's interruption is its own: the flight goes on for the others", () =>
      Effect.gen(function* () {
        const { log, call } = flights()
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        const second = yield* fork(fetch("a"))
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* Fiber.join(second), "a1")
        assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
      })
    )

    it.effect("the flight ends with its last caller, who waits for its finalizers", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const callers = yield* Effect.forEach([1, 2, 3], () => fork(fetch("a").pipe(Deadline.within("1 second"))))
        const leaving = yield* fork(Fiber.interruptAll(callers))
        yield* TestClock.adjust("19 millis")
        assert.deepStrictEqual(log, ["a1 begins"])
        assert.isUndefined(leaving.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(log, ["a1 begins", "a1 is cancelled"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a newcomer does not join a flight that is being cancelled, however long that takes", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        const leaving = yield* fork(Fiber.interrupt(first))
        yield* TestClock.adjust("10 millis")
        const newcomer = yield* fork(fetch("a"))
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* Fiber.join(newcomer), "a2")
        yield* Fiber.join(leaving)
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("the end of a flight that was being cancelled does not free the key of the one after it", () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("20 millis"))
        const fetch = yield* coalesceOf(call)
        const first = yield* fork(fetch("a"))
        yield* fork(Fiber.interrupt(first))
        const second = yield* fork(fetch("a"))
        yield* TestClock.adjust("30 millis")
        const third = yield* fork(fetch("a"))
        yield* TestClock.adjust("20 millis")
        assert.deepStrictEqual([yield* Fiber.join(second), yield* Fiber.join(third)], ["a2", "a2"])
        assert.deepStrictEqual(log, ["a1 begins", "a2 begins", "a1 is cancelled", "a2 ends"])
      })
    )

    it.effect("a caller that is interrupted on its way from its deadline to its error is counted out once", () =>
      Effect.gen(function* () {
        // A fiber that yields after so few steps stops somewhere on that way.
        for (const steps of [2, 3, 4, 5, 6]) {
          const { log, call } = flights()
          const fetch = yield* coalesceOf(call)
          const other = yield* fork(fetch("a"))
          const caller = yield* fetch("a").pipe(
            Deadline.within("10 millis"),
            Effect.provideService(Scheduler.MaxOpsBeforeYield, steps),
            Effect.forkChild
          )
          yield* Effect.repeat(Effect.yieldNow, { times: 100 })
          yield* Effect.withFiber((fiber) =>
            Effect.map(Clock.currentTimeMillis, (now) => Alarm.set(fiber, now + 10, () => caller.interruptUnsafe()))
          )
          yield* TestClock.adjust("50 millis")
          assert.isTrue(Exit.isFailure(yield* Fiber.await(caller)))
          assert.deepStrictEqual(yield* Fiber.await(other), Exit.succeed("a1"))
          assert.deepStrictEqual(log, ["a1 begins", "a1 ends"])
        }
      })
    )
  })

  describe("failing", () => {
    it.effect("a failure reaches every caller, and later ones try again", () =>
      Effect.gen(function* () {
        let calls = 0
        const fetch = yield* coalesceOf(() =>
          Effect.andThen(Effect.sleep("10 millis"), () =>
            ++calls === 1 ? Effect.fail("boom") : Effect.succeed("well")
          )
        )
        const callers = yield* Effect.forEach([1, 2, 3], () => fork(Effect.flip(fetch("a"))))
        yield* TestClock.adjust("10 millis")
        assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), ["boom", "boom", "boom"])
        const later = yield* fork(fetch("a"))
        yield* TestClock.adjust("10 millis")
        assert.strictEqual(yield* Fiber.join(later), "well")
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a defect reaches every caller and frees the key", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const fetch = yield* coalesceOf(() => Effect.andThen(Effect.sleep("10 millis"), Effect.die(bug)))
        const callers = yield* Effect.forEach([1, 2], () =>
          fork(Effect.exit(fetch("a").pipe(Deadline.within("1 second"))))
        )
        yield* TestClock.adjust("10 millis")
        assert.deepStrictEqual(yield* Effect.forEach(callers, Fiber.join), [Exit.die(bug), Exit.die(bug)])
        yield* nothingLeft(fetch.size)
      })
    )

    it.effect("a call that throws before it has become an effect is a defect, and nobody waits for it", () =>
      Effect.gen(function* () {
        const bug = new Error("bug")
        const fetch = yield* coalesceOf((): Effect.Effect<string> => {
          throw bug
        })
        assert.deepStrictEqual(yield* Effect.exit(fetch("a")), Exit.die(bug))
        yield* nothingLeft(fetch.size)
      })
    )
  })

  it.effect("a caller that goes on at once with the same key does not find the flight that has just ended", () =>
    Effect.gen(function* () {
      const gates = [Deferred.makeUnsafe<string>(), Deferred.makeUnsafe<string>()]
      let calls = 0
      const fetch = yield* coalesceOf(() => Deferred.await(gates[calls++] ?? Deferred.makeUnsafe<string>()))
      const caller = yield* fork(Effect.all([fetch("a"), fetch("a")]))
      const other = yield* fork(fetch("a"))
      // The first caller goes on, synchronously, before the other one has been told.
      yield* Deferred.succeed(gates[0] ?? Deferred.makeUnsafe<string>(), "one")
      assert.strictEqual(yield* Fiber.join(other), "one")
      yield* Deferred.succeed(gates[1] ?? Deferred.makeUnsafe<string>(), "two")
      assert.deepStrictEqual(yield* Fiber.join(caller), ["one", "two"])
    })
  )

  it.effect(
    "closing the scope interrupts every flight, those that newcomers no longer join too, and waits for them",
    () =>
      Effect.gen(function* () {
        const { log, call } = flights(Effect.sleep("5 millis"))
        const scope = yield* Scope.make()
        const fetch = yield* coalesceOf(call).pipe(Scope.provide(scope))
        const cut = yield* fork(fetch("a").pipe(Deadline.within("40 millis"), Effect.exit))
        const whole = yield* fork(Effect.exit(fetch("a")))
        const other = yield* fork(Effect.exit(fetch("b")))
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("5 millis")
        yield* Fiber.join(closing)
        assert.sameMembers(log.slice(3), ["a1 is cancelled", "a2 is cancelled", "b3 is cancelled"])
        for (const caller of [cut, whole, other]) assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(caller)))
        yield* nothingLeft(fetch.size)
      })
  )

  it.effect("notes on the trail of who joined, and of nobody else", () =>
    Effect.gen(function* () {
      const { call } = flights()
      const fetch = yield* coalesceOf(call)
      const trails: Array<Provenance.Trail> = [{ provenance: "fetched" }, { provenance: "fetched" }]
      for (const trail of trails) yield* fork(Effect.provideService(fetch("a"), Provenance.CurrentTrail, trail))
      yield* TestClock.adjust("50 millis")
      assert.deepStrictEqual(trails, [{ provenance: "fetched" }, { provenance: "coalesced" }])
    })
  )
})
