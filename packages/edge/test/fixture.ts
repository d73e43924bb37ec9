/** What several tests need: a line in front of a loop that comes round when the test says so, and those who come to it. */
import { assert } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { EventLoop } from "../src/EventLoop.ts"
import { LoadShed } from "../src/LoadShed.ts"

/** A line in front of an event loop that comes round when the test says so. */
export const make = (maxInFlight: number) =>
  Effect.gen(function* () {
    let waiting: Array<() => void> = []
    const afterTurn = (callback: () => void) => void waiting.push(callback)
    const loop = { isBehind: false, isShort: false }
    const shorten = (isShort: boolean) => void (loop.isShort = isShort)
    const context = yield* Layer.build(
      LoadShed.layer({ maxInFlight }).pipe(
        Layer.provide(Layer.succeed(EventLoop, { afterTurn, isBehind: () => loop.isBehind, shorten }))
      )
    )
    const shed = yield* Effect.provide(LoadShed, context)
    /** Comes round after so many milliseconds. */
    const turn = (millis: number) =>
      Effect.andThen(
        TestClock.adjust(millis),
        Effect.sync(() => {
          const due = waiting
          waiting = []
          for (const callback of due) callback()
        })
      )
    return { shed, turn, loop, isTurning: () => waiting.length > 0 }
  })

/** Those that come, each with what became of it. */
export const callers = (shed: LoadShed["Service"], count: number, usefulFor: number) =>
  Array.from({ length: count }, () => {
    const log = { entered: -1, refused: 0 }
    const place = shed.arrive({
      usefulFor: () => usefulFor,
      enter: (millis) => {
        assert.deepStrictEqual(log, { entered: -1, refused: 0 })
        log.entered = millis
      },
      refuse: () => {
        assert.deepStrictEqual(log, { entered: -1, refused: 0 })
        log.refused++
      }
    })
    return { log, place }
  })
