import { assert, describe, it } from "@effect/vitest"
import { Status, UpstreamError } from "@portico/upstream/UpstreamError"
import { Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as FakeUpstream from "../src/FakeUpstream.ts"
import { id, NoThing, Thing } from "./thing.ts"

const a = { id: id("a"), size: 1 }

/** A caller of a fake, under way. */
const caller = (
  fake: { readonly layer: FakeUpstream.FakeUpstream<Thing, never, never, never>["layer"] },
  name: string
) => Effect.forkChild(Effect.provide(Thing.fetch({ id: id(name) }), fake.layer))

describe("FakeUpstream", () => {
  it.effect("the test sees what was asked, and its answer is the caller's", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      yield* TestClock.adjust("3 seconds")
      const fiber = yield* caller(fake, "a")
      const call = yield* fake.expectCall
      assert.deepStrictEqual(call.input, { id: id("a") })
      assert.strictEqual(call.at, 3_000)
      assert.isUndefined(call.ended())
      yield* call.answer(a)
      assert.deepStrictEqual(yield* Fiber.join(fiber), a)
      assert.strictEqual(call.ended(), "answered")
    })
  )

  it.effect("a call that nobody ends hangs, and one that comes later is taken later", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      const first = yield* caller(fake, "a")
      const call = yield* fake.expectCall
      const expecting = yield* Effect.forkChild(fake.expectCall, { startImmediately: true })
      yield* TestClock.adjust("1 day")
      assert.isUndefined(first.pollUnsafe())
      assert.isUndefined(expecting.pollUnsafe())
      yield* caller(fake, "b")
      assert.deepStrictEqual((yield* Fiber.join(expecting)).input, { id: id("b") })
      assert.isUndefined(call.ended())
    })
  )

  it.effect("a failure is a typed error of the definition, or a reason in an UpstreamError", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      const fibers = [yield* caller(fake, "a"), yield* caller(fake, "b")] as const
      yield* (yield* fake.expectCall).fail(new NoThing({ id: id("a") }))
      yield* (yield* fake.expectCall).fail(new Status({ status: 503 }))
      assert.deepStrictEqual(yield* Fiber.await(fibers[0]), Exit.fail(new NoThing({ id: id("a") })))
      const error = new UpstreamError({ upstream: "thing", reason: new Status({ status: 503 }) })
      assert.deepStrictEqual(yield* Fiber.await(fibers[1]), Exit.fail(error))
      assert.deepStrictEqual(
        fake.calls.map((call) => call.ended()),
        ["failed", "failed"]
      )
    })
  )

  it.effect("the test sees that the caller was interrupted", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      const fiber = yield* caller(fake, "a")
      const call = yield* fake.expectCall
      const seen = yield* Effect.forkChild(call.interrupted, { startImmediately: true })
      assert.isUndefined(seen.pollUnsafe())
      yield* Fiber.interrupt(fiber)
      yield* Fiber.join(seen)
      assert.strictEqual(call.ended(), "interrupted")
    })
  )

  it.effect("calls are taken in the order in which they came, and in any order answered", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => caller(fake, name))
      const calls = [yield* fake.expectCall, yield* fake.expectCall, yield* fake.expectCall] as const
      assert.deepStrictEqual(
        calls.map(({ input }) => String(input.id)),
        ["a", "b", "c"]
      )
      for (const call of calls.toReversed()) yield* call.answer({ id: call.input.id, size: fake.calls.indexOf(call) })
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [
        { id: id("a"), size: 0 },
        { id: id("b"), size: 1 },
        { id: id("c"), size: 2 }
      ])
    })
  )

  it.effect("a call that has ended is not ended again, and says how it did", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      const answered = yield* caller(fake, "a")
      const first = yield* fake.expectCall
      yield* first.answer(a)
      yield* Fiber.join(answered)
      const again = new FakeUpstream.CallEnded({ upstream: "thing", ended: "answered" })
      assert.deepStrictEqual(yield* Effect.flip(first.fail(new Status({ status: 500 }))), again)
      assert.deepStrictEqual(yield* Effect.flip(first.interrupted), again)

      const left = yield* caller(fake, "b")
      const second = yield* fake.expectCall
      yield* Fiber.interrupt(left)
      const error = yield* Effect.flip(second.answer(a))
      assert.strictEqual(error.message, "the call to thing was interrupted already")
    })
  )

  it.live("a call that does not come is an error that says so, in real time", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(Thing)
      yield* caller(fake, "a")
      yield* fake.expectCall
      const error = yield* Effect.flip(Effect.provide(fake.expectCall, TestClock.layer()))
      assert.strictEqual(error.message, "thing was called 1 times, and not again within 5000 ms of real time")
    })
  )
})
