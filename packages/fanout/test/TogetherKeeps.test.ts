/** What a fan-out keeps alive while it waits: what a young collection copies, once for each entry under way. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Direct from "@portico/call/Direct"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as FanOut from "../src/FanOut.ts"
import * as Part from "../src/Part.ts"

/** Collects everything. */
const collect = () => {
  setFlagsFromString("--expose-gc")
  runInNewContext("gc()")
}

/** A call that is never answered, and how to look whether it is still there. */
const unanswered = () => {
  const call = Direct.make<number>(() => ({ end: () => Effect.void }))
  return { call, isThere: new WeakRef(call) }
}

/** Begins `kind` of it, put together as it begins. What it was made of is in scope nowhere else. */
const begun = (kind: (call: Effect.Effect<number>) => Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const seen: Array<WeakRef<Effect.Effect<number>>> = []
    const entry = Effect.suspend(() => {
      const { call, isThere } = unanswered()
      seen.push(isThere)
      return kind(call)
    })
    const fiber = yield* Effect.forkChild(
      Effect.map(entry, (answer) => answer),
      { startImmediately: true }
    )
    return { fiber, seen }
  })

describe("a fan-out under way", () => {
  for (const [name, kind] of Object.entries({
    failFast: (call: Effect.Effect<number>) => FanOut.failFast({ call }),
    degrade: (call: Effect.Effect<number>) => FanOut.degrade({ call: Part.required(call) })
  })) {
    it.live(`does not keep the calls that it has begun (${name})`, () =>
      Effect.gen(function* () {
        const { fiber, seen } = yield* begun(kind)
        // What a weak reference was made for lives until the turn is over.
        yield* Effect.sleep("1 millis")
        collect()
        assert.deepStrictEqual(
          seen.map((isThere) => isThere.deref()),
          [undefined]
        )
        assert.isUndefined(fiber.pollUnsafe())
        yield* Fiber.interrupt(fiber)
      })
    )
  }
})
