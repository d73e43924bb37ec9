/**
 * The whole program: every run in turn, then their walls side by side.
 */
import { Effect } from "effect"
import * as Run from "./Run.ts"
import { Screen } from "./Screen.ts"
import * as Summary from "./Summary.ts"

export const program: Effect.Effect<void, never, Screen> = Effect.gen(function* () {
  const screen = yield* Screen
  const measured = yield* Effect.forEach(Run.all, Run.perform, { concurrency: 1 })
  yield* screen.print("")
  yield* screen.print(Summary.table(measured, yield* screen.layout).join("\n"))
})
