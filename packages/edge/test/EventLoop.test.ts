import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { EventLoop } from "../src/EventLoop.ts"

describe("EventLoop", () => {
  it.live("calls back once what is ready has had its turn", () =>
    Effect.gen(function* () {
      const { afterTurn } = yield* Effect.provide(EventLoop, yield* Layer.build(EventLoop.layer))
      const order: Array<string> = []
      yield* Effect.callback<void>((resume) => {
        afterTurn(() => {
          order.push("turn")
          afterTurn(() => resume(Effect.sync(() => order.push("next turn"))))
        })
        queueMicrotask(() => order.push("ready"))
        order.push("now")
      })
      assert.deepStrictEqual(order, ["now", "ready", "turn", "next turn"])
    })
  )

  it.live("in one turn lower priorities go first, and else what came first", () =>
    Effect.gen(function* () {
      const { afterTurn } = yield* Effect.provide(EventLoop, yield* Layer.build(EventLoop.layer))
      const order: Array<string> = []
      yield* Effect.callback<void>((resume) => {
        afterTurn(() => order.push("first"))
        afterTurn(() => order.push("second"))
        afterTurn(() => order.push("before"), -1)
        afterTurn(() => resume(Effect.void), 1)
      })
      assert.deepStrictEqual(order, ["before", "first", "second"])
    })
  )
})
