import { Effect, Fiber, Layer, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { TestClock } from "effect/testing"
import type { Screen } from "../src/Screen.ts"
import * as Text from "../src/Text.ts"

/** A terminal that remembers what was written and when. */
export const terminal = (columns: number, rows = 24) => {
  const writes: Array<{ readonly millis: number; readonly text: string }> = []
  const never = Effect.never
  return {
    writes,
    text: () => writes.map(({ text }) => text).join(""),
    layer: Layer.succeed(
      Terminal.Terminal,
      Terminal.make({
        columns: Effect.succeed(columns),
        rows: Effect.succeed(rows),
        size: never,
        readInput: never,
        readLine: never,
        display: (text) =>
          Effect.clockWith((clock) => Effect.sync(() => writes.push({ millis: clock.currentTimeMillisUnsafe(), text })))
      })
    )
  }
}

export const capabilities = (canColor: boolean) =>
  Layer.succeed(TerminalCapabilities.TerminalCapabilities, { canColor, canAnimate: true, canPrompt: false })

/** Runs it for a minute of virtual time. */
export const ended = <A, E>(effect: Effect.Effect<A, E, Screen>, layer: Layer.Layer<Screen>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.provide(effect, layer), { startImmediately: true })
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

/** The columns of every line without its colours. */
export const widths = (lines: ReadonlyArray<string>) => lines.map(Text.width)
