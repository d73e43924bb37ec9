/**
 * The article's runs of the five tasks, each by one way of fanning out, and what was measured of it.
 */
import * as FanOut from "@portico/fanout/FanOut"
import type * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import { Clock, Effect, Result } from "effect"
import * as Closures from "./Closures.ts"
import { Screen } from "./Screen.ts"
import * as Task from "./Task.ts"
import * as Text from "./Text.ts"

export interface Run {
  readonly name: string
  readonly about: string
  /** Gives the errors that the answer keeps. */
  readonly fanOut: Effect.Effect<ReadonlyArray<Task.TaskFailed | Part.Defect>, Task.TaskFailed, Screen>
}

export interface Measured {
  readonly name: string
  readonly wallMillis: number
  readonly ends: Readonly<Record<"ok" | "failed" | "interrupted", number>>
}

const serial = (parts: Task.Parts) => Effect.as(FanOut.serial(parts), [])

const failFast = (parts: Task.Parts) => Effect.as(FanOut.failFast(parts), [])

const settle = (parts: Task.Parts) =>
  Effect.map(FanOut.settle(parts), (outcomes) =>
    Object.values(outcomes).flatMap((outcome) => (outcome.status === "failed" ? [outcome.error] : []))
  )

export const all: ReadonlyArray<Run> = [
  {
    name: "1. serial",
    about: "One after the other: the wait is the sum.",
    fanOut: serial(Task.parts())
  },
  {
    name: "2. WaitGroup: settle",
    about: "All at once, each to its own end: the wait is the slowest.",
    fanOut: settle(Task.parts())
  },
  {
    name: "2. WaitGroup, one fails",
    about: "The second fails. The others run on, and the error is kept beside their results; a WaitGroup drops it.",
    fanOut: settle(Task.parts(Task.fail))
  },
  {
    name: "3. errgroup: failFast",
    about: "All at once, all of them needed: the wait is the slowest.",
    fanOut: failFast(Task.parts())
  },
  {
    name: "3. errgroup, one fails",
    about:
      "The second fails. That ends it with this error, and the three still at work are interrupted; Go's zero Group " +
      "gives the same error, but cancels nobody and waits for the slowest.",
    fanOut: failFast(Task.parts(Task.fail))
  },
  {
    name: "4. loop, own variable",
    about: "Tasks made in a loop with const: every turn has a variable of its own, and each task keeps its own.",
    fanOut: settle(Closures.own())
  },
  {
    name: "4. loop, shared variable",
    about:
      "The pitfall, as in Go before 1.22: with var the loop has one variable, and all five find the last task in it.",
    fanOut: settle(Closures.shared())
  }
]

/** Runs it on the screen, and measures. */
export const perform = (run: Run): Effect.Effect<Measured, never, Screen> =>
  Effect.gen(function* () {
    const screen = yield* Screen
    yield* screen.print("")
    yield* screen.print(run.name, "bold")
    yield* screen.print(run.about, "dim")
    const { result, measured } = yield* screen.watch(
      { tasks: Task.five.map(({ name }) => name), scaleMillis },
      (timeline) =>
        Effect.result(run.fanOut).pipe(
          Timeline.record(timeline),
          Effect.flatMap((result) =>
            Effect.withFiber((fiber) => {
              const wallMillis = Timeline.elapsed(timeline, fiber.getRef(Clock.Clock))
              return Effect.succeed({ result, measured: { name: run.name, wallMillis, ends: count(timeline.marks) } })
            })
          )
        )
    )
    yield* screen.print(`${Text.seconds(measured.wallMillis)}: ${outcome(measured)}`)
    if (Result.isFailure(result)) yield* screen.print(`ended by the error: ${result.failure.message}`, "red")
    else for (const error of result.success) yield* screen.print(`kept error: ${error.message}`, "red")
    return measured
  })

/** How the tasks ended, in words. */
export const outcome = ({ ends }: Measured): string =>
  [`${ends.ok} done`, ends.failed && `${ends.failed} failed`, ends.interrupted && `${ends.interrupted} interrupted`]
    .filter(Boolean)
    .join(", ")

/** All runs are drawn to the scale of the longest, so that the eye can compare them. */
const scaleMillis = Task.five.reduce((sum, task) => sum + task.seconds * 1_000, 0)

const count = (marks: ReadonlyArray<Timeline.Mark>) => ({
  ok: marks.filter(({ end }) => end === "ok").length,
  failed: marks.filter(({ end }) => end === "failed").length,
  interrupted: marks.filter(({ end }) => end === "interrupted").length
})
