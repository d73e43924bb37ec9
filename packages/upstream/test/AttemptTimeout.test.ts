import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Effect, Exit, Schema } from "effect"
import * as AttemptTimeout from "../src/AttemptTimeout.ts"
import { Timeout, UpstreamError } from "../src/UpstreamError.ts"
import { lived } from "./Running.ts"

const limited = AttemptTimeout.make("thing", "100 millis")

const ranOut = (limit: Timeout["limit"]) =>
  Exit.fail(new UpstreamError({ upstream: "thing", reason: new Timeout({ limit }) }))

describe("AttemptTimeout", () => {
  it.effect("what is in time passes", () =>
    Effect.gen(function* () {
      const outcome = yield* lived(limited(Effect.as(Effect.sleep(99), "answer")))
      assert.deepStrictEqual(outcome, { exit: Exit.succeed("answer"), millis: 99 })
    })
  )

  it.effect("its own limit speaks against the upstream", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* lived(limited(Effect.never)), { exit: ranOut("attempt"), millis: 100 })
    })
  )

  it.effect("the caller's deadline, where it is nearer, does not", () =>
    Effect.gen(function* () {
      const outcome = yield* lived(Deadline.within("60 millis")(limited(Effect.never)))
      assert.deepStrictEqual(outcome, { exit: ranOut("deadline"), millis: 60 })
    })
  )

  it.effect("an upstream that had its whole limit has had it, though the deadline comes in the same moment", () =>
    Effect.gen(function* () {
      const outcome = yield* lived(Deadline.within("100 millis")(limited(Effect.never)))
      assert.deepStrictEqual(outcome, { exit: ranOut("attempt"), millis: 100 })
    })
  )

  it.effect("after the deadline no attempt is begun", () =>
    Effect.gen(function* () {
      let begun = false
      const call = Effect.sync(() => (begun = true))
      assert.deepStrictEqual(yield* Effect.exit(Deadline.within(0)(limited(call))), ranOut("deadline"))
      assert.isFalse(begun)
    })
  )

  it.effect("the attempt that is late is interrupted, and its end awaited", () =>
    Effect.gen(function* () {
      let ended = false
      const call = Effect.onInterrupt(Effect.never, () =>
        Effect.andThen(
          Effect.sleep(30),
          Effect.sync(() => (ended = true))
        )
      )
      assert.deepStrictEqual(yield* lived(limited(call)), { exit: ranOut("attempt"), millis: 130 })
      assert.isTrue(ended)
    })
  )

  it.effect.prop(
    "whichever comes first ends it: the answer, its limit, or the deadline",
    {
      answer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 })),
      deadline: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
    },
    ({ answer, deadline }) =>
      Effect.gen(function* () {
        const limit = Math.min(100, deadline)
        const outcome = yield* lived(Deadline.within(deadline)(limited(Effect.as(Effect.sleep(answer), "answer"))))
        assert.strictEqual(outcome.millis, Math.min(answer, limit))
        const late = ranOut(deadline < 100 ? "deadline" : "attempt")
        // In one and the same moment either may be first.
        if (answer !== limit) assert.deepStrictEqual(outcome.exit, answer < limit ? Exit.succeed("answer") : late)
        assert.strictEqual(yield* Alarm.pending, 0)
      }),
    { arbitrary: { runs: 200 } }
  )
})
