import { assert, describe, it } from "@effect/vitest"
import { Status, Timeout, UpstreamError } from "@portico/upstream/UpstreamError"
import { Effect, Exit, Fiber, type Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as Fake from "../src/Fake.ts"
import { id, NoThing, Thing } from "./thing.ts"

const a = { id: id("a"), size: 1 }
const b = { id: id("b"), size: 2 }

const fetch = (name: string, fake: Layer.Layer<Thing>) =>
  Effect.exit(Effect.provide(Thing.fetch({ id: id(name) }), fake))

const failed = (reason: UpstreamError["reason"]) => Exit.fail(new UpstreamError({ upstream: "thing", reason }))

describe("a fake from a function", () => {
  it.effect("does what the function says of each input", () =>
    Effect.gen(function* () {
      const fake = Fake.from(Thing, ({ id }) => (id === "a" ? Effect.succeed({ id, size: 7 }) : new NoThing({ id })))
      assert.deepStrictEqual(yield* fetch("a", fake), Exit.succeed({ id: id("a"), size: 7 }))
      assert.deepStrictEqual(yield* fetch("b", fake), Exit.fail(new NoThing({ id: id("b") })))
    })
  )

  it.effect("keeps no last good answer", () =>
    Effect.gen(function* () {
      const fake = Fake.from(Thing, () => Effect.succeed(a))
      assert.deepStrictEqual(yield* Effect.provide(Thing.lastGood({ id: id("a") }), fake), Option.none())
    })
  )
})

describe("a fake from a table", () => {
  it.effect("answers an input with what stands beside it, compared by value", () =>
    Effect.gen(function* () {
      const fake = Fake.table(Thing, [
        [{ id: a.id }, a],
        [{ id: b.id }, b]
      ])
      assert.deepStrictEqual(yield* fetch("a", fake), Exit.succeed(a))
      assert.deepStrictEqual(yield* fetch("b", fake), Exit.succeed(b))
    })
  )

  it.effect("answers 404 to an input that it does not have, unless told otherwise", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* fetch("c", Fake.table(Thing, [])), failed(new Status({ status: 404 })))
      const fake = Fake.table(Thing, [[{ id: a.id }, a]], { otherwise: ({ id }) => new NoThing({ id }) })
      assert.deepStrictEqual(yield* fetch("c", fake), Exit.fail(new NoThing({ id: id("c") })))
      assert.deepStrictEqual(yield* fetch("a", fake), Exit.succeed(a))
    })
  )
})

describe("a failing fake", () => {
  it.effect(
    "fails with an error of the definition, an UpstreamError, or a bare reason in an UpstreamError of its name",
    () =>
      Effect.gen(function* () {
        const none = new NoThing({ id: id("a") })
        assert.deepStrictEqual(yield* fetch("a", Fake.failing(Thing, none)), Exit.fail(none))
        const timeout = new Timeout({ limit: "attempt" })
        assert.deepStrictEqual(yield* fetch("a", Fake.failing(Thing, timeout)), failed(timeout))
        const other = new UpstreamError({ upstream: "other", reason: timeout })
        assert.deepStrictEqual(yield* fetch("a", Fake.failing(Thing, other)), Exit.fail(other))
      })
  )
})

describe("a slow fake", () => {
  it.effect("ends each call as late as it was told, by the Clock", () =>
    Effect.gen(function* () {
      const after = { after: "50 millis" } as const
      const reason = new Status({ status: 503 })
      const slow: ReadonlyArray<readonly [Layer.Layer<Thing>, Exit.Exit<unknown, unknown>]> = [
        [Fake.from(Thing, () => Effect.succeed(a), after), Exit.succeed(a)],
        [Fake.table(Thing, [[{ id: a.id }, a]], after), Exit.succeed(a)],
        [Fake.failing(Thing, reason, after), failed(reason)]
      ]
      for (const [fake, exit] of slow) {
        const fiber = yield* Effect.forkChild(fetch("a", fake), { startImmediately: true })
        yield* TestClock.adjust("49 millis")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* Fiber.join(fiber), exit)
      }
    })
  )

  it.effect("a hanging one never ends", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(fetch("a", Fake.hanging(Thing)), { startImmediately: true })
      yield* TestClock.adjust("1 day")
      assert.isUndefined(fiber.pollUnsafe())
    })
  )
})
