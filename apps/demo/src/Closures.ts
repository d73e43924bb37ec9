/**
 * The pitfall of closures made in a loop, and why there is none here.
 *
 * Both loops put off reading `task` until the effect runs (`Effect.suspend`), as a goroutine's closure does. Written
 * without that, `Task.run(task)` reads the variable there and then: an effect is a value, and there is nothing to share.
 */
import { Effect } from "effect"
import * as Task from "./Task.ts"

/** `const` is a new variable each turn, as in Go since 1.22: each closure keeps its own task. */
export const own = (): Task.Parts => {
  const parts: Record<string, Task.Parts[string]> = {}
  for (const task of Task.five) {
    parts[task.name] = Effect.suspend(() => Task.run(task))
  }
  return parts
}

/** `var` is one variable for the whole loop, as in Go before 1.22: every closure finds the last task in it. */
export const shared = (): Task.Parts => {
  const parts: Record<string, Task.Parts[string]> = {}
  for (var task of Task.five) {
    parts[task.name] = Effect.suspend(() => Task.run(task))
  }
  return parts
}
