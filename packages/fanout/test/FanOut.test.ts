import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"
import { Boom, five, kinds, timed, work } from "./Work.ts"

const fiveResults = { a: "a", b: "b", c: "c", d: "d", e: "e" }

describe.each(kinds)("FanOut %s", (_name, of) => {
  describe("five parts of 1 to 5 s", () => {
    it.effect("take 5 s in failFast", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.failFast(of(five)))
        assert.deepStrictEqual(exit, Exit.succeed(fiveResults))
        assert.strictEqual(millis, 5_000)
      })
    )

    it.effect("take 5 s in settle", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.settle(of(five)))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({ a: Part.ok("a"), b: Part.ok("b"), c: Part.ok("c"), d: Part.ok("d"), e: Part.ok("e") })
        )
        assert.strictEqual(millis, 5_000)
      })
    )

    it.effect("take 15 s in serial", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(FanOut.serial(of(five)))
        assert.deepStrictEqual(exit, Exit.succeed(fiveResults))
        assert.strictEqual(millis, 15_000)
      })
    )
  })

  describe("failFast", () => {
    it.effect("a part that fails at 2 s ends it at 2 s with that error, and the others are interrupted", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const { exit, millis } = yield* timed(
          FanOut.failFast(
            of({
              a: work("a", 1, interrupted),
              b: Effect.andThen(work("b", 2), Effect.fail(new Boom({ by: "b" }))),
              c: work("c", 3, interrupted),
              d: work("d", 4, interrupted),
              e: work("e", 5, interrupted)
            })
          )
        )
        assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "b" })))
        assert.strictEqual(millis, 2_000)
        assert.deepStrictEqual(interrupted.toSorted(), ["c", "d", "e"])
      })
    )

    it.effect("interrupting it interrupts every part", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const fiber = yield* Effect.forkChild(
          FanOut.failFast(of({ a: work("a", 1, interrupted), b: work("b", 2, interrupted) })),
          {
            startImmediately: true
          }
        )
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(interrupted, ["a", "b"])
      })
    )
  })

  describe("settle", () => {
    it.effect("keeps every error, and none cancels another", () =>
      Effect.gen(function* () {
        const { exit, millis } = yield* timed(
          FanOut.settle(
            of({
              a: Effect.fail(new Boom({ by: "a" })),
              b: Effect.delay(Effect.fail(new Boom({ by: "b" })), "2 seconds"),
              c: work("c", 3)
            })
          )
        )
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            a: { status: "failed" as const, error: new Boom({ by: "a" }) },
            b: { status: "failed" as const, error: new Boom({ by: "b" }) },
            c: Part.ok("c")
          })
        )
        assert.strictEqual(millis, 3_000)
      })
    )

    it.effect("a defect in a part is that part's failure", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(FanOut.settle(of({ a: Effect.die(new Error("bug")), b: work("b", 1) })))
        assert.deepStrictEqual(
          exit,
          Exit.succeed({ a: { status: "failed" as const, error: new Part.Defect() }, b: Part.ok("b") })
        )
      })
    )
  })

  describe("degrade", () => {
    it.effect("an optional part that fails gives its last good data, else its fallback, else its error", () =>
      Effect.gen(function* () {
        const boom = Effect.fail(new Boom({ by: "x" }))
        const error = new Boom({ by: "x" })
        const { exit } = yield* timed(
          FanOut.degrade(
            of({
              needed: Part.required(work("needed", 1)),
              stale: Part.optional(boom, {
                stale: Effect.succeedSome({ value: "old", ageMillis: 70 }),
                fallback: () => "unused"
              }),
              fallback: Part.optional(boom, { stale: Effect.succeedNone, fallback: (e) => `instead of ${e._tag}` }),
              failed: Part.optional(boom),
              left: Part.skipped
            })
          )
        )
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            needed: "needed",
            stale: { status: "stale" as const, data: "old", ageMillis: 70, error },
            fallback: { status: "fallback" as const, data: "instead of Boom", error },
            failed: { status: "failed" as const, error },
            left: Part.skipped
          })
        )
      })
    )

    it.effect("a required part that fails ends it at once and interrupts the optional ones", () =>
      Effect.gen(function* () {
        const interrupted: Array<string> = []
        const { exit, millis } = yield* timed(
          FanOut.degrade(
            of({
              needed: Part.required(Effect.delay(Effect.fail(new Boom({ by: "needed" })), "1 second")),
              optional: Part.optional(work("optional", 5, interrupted), { fallback: () => "unused" })
            })
          )
        )
        assert.deepStrictEqual(exit, Exit.fail(new Boom({ by: "needed" })))
        assert.strictEqual(millis, 1_000)
        assert.deepStrictEqual(interrupted, ["optional"])
      })
    )

    it.effect("a defect in an optional part, or in its fallback, is that part's failure", () =>
      Effect.gen(function* () {
        const broken: () => string = () => {
          throw new Error("bug in the fallback")
        }
        const { exit } = yield* timed(
          FanOut.degrade(
            of({
              a: Part.optional(Effect.die(new Error("bug"))),
              b: Part.optional(Effect.fail(new Boom({ by: "b" })), { fallback: broken }),
              c: Part.required(work("c", 1))
            })
          )
        )
        const failed = { status: "failed" as const, error: new Part.Defect() }
        assert.deepStrictEqual(exit, Exit.succeed({ a: failed, b: failed, c: "c" }))
      })
    )
  })
})
