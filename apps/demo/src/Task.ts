/**
 * The five tasks of the article: of 1, 2, 3, 4 and 5 seconds, each saying which it is when it is done.
 */
import { Data, Effect } from "effect"
import { Screen } from "./Screen.ts"

export interface Task {
  readonly name: string
  readonly seconds: number
}

/** What a task that fails ends in. */
export class TaskFailed extends Data.TaggedError("TaskFailed")<{ readonly task: string }> {
  override get message() {
    return `${this.task}失败`
  }
}

/** Tasks by name, as a fan-out takes them. */
export type Parts = Readonly<Record<string, Effect.Effect<void, TaskFailed, Screen>>>

export const five: ReadonlyArray<Task> = ["一", "二", "三", "四", "五"].map((numeral, index) => ({
  name: `第${numeral}个任务`,
  seconds: index + 1
}))

/** Works for its time, then says so. */
export const run = (task: Task): Parts[string] =>
  Effect.andThen(
    Effect.sleep(`${task.seconds} seconds`),
    Screen.use((screen) => screen.print(`执行${task.name}`))
  )

/** Works for its time, then fails. */
export const fail = (task: Task): Parts[string] =>
  Effect.andThen(Effect.sleep(`${task.seconds} seconds`), new TaskFailed({ task: task.name }))

/** The five as parts; the second as `second` says. */
export const parts = (second: (task: Task) => Parts[string] = run): Parts =>
  Object.fromEntries(five.map((task, index) => [task.name, index === 1 ? second(task) : run(task)]))
