/** How parts get onto the timeline: around whatever runs, if somebody keeps one. */
import * as Provenance from "@portico/call/Provenance"
import { Cause, Clock, Effect, Exit } from "effect"
import * as Part from "../Part.ts"
import * as Timeline from "../Timeline.ts"

/** Runs the part and marks when it began and ended; `failed` says whether a value stands for a failure. */
export const timed = <A, E, R>(
  name: string,
  effect: Effect.Effect<A, E, R>,
  failed: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const timeline = fiber.getRef(Timeline.Current)
    if (timeline === undefined) return effect
    const mark = begin(timeline, name, Timeline.elapsed(timeline, fiber.getRef(Clock.Clock)))
    return Effect.onExitPrimitive(Effect.provideService(effect, Provenance.CurrentTrail, mark), (exit) => {
      end(mark, Timeline.elapsed(timeline, fiber.getRef(Clock.Clock)), endOf(exit, failed))
      return undefined
    })
  })

/** Marks a part that is left out. */
export const skip = (name: string): Effect.Effect<Part.Skipped> =>
  Effect.withFiber((fiber) => {
    const timeline = fiber.getRef(Timeline.Current)
    if (timeline !== undefined) skipped(timeline, name, Timeline.elapsed(timeline, fiber.getRef(Clock.Clock)))
    return Effect.succeed(Part.skipped)
  })

/** Marks one that is left out at `at`, in milliseconds from the timeline's beginning. */
export const skipped = (timeline: Timeline.Timeline, name: string, at: number): void => {
  const mark = begin(timeline, name, at)
  mark.provenance = "skipped"
  end(mark, at, "ok")
}

/** Marks that a part begins. */
export const begin = (timeline: Timeline.Timeline, name: string, at: number): Timeline.Mark => {
  const mark: Timeline.Mark = {
    part: timeline.prefix + name,
    startMillis: at,
    endMillis: undefined,
    end: undefined,
    provenance: "fetched"
  }
  timeline.marks.push(mark)
  return mark
}

/** Marks that it has ended, and how. */
export const end = (mark: Timeline.Mark, at: number, how: Timeline.Mark["end"]): void => {
  mark.endMillis = at
  mark.end = how
}

/** How what ends so is marked. */
export const endOf = <A>(exit: Exit.Exit<A, unknown>, failed: (value: A) => boolean): Timeline.Mark["end"] => {
  if (Exit.isSuccess(exit)) return failed(exit.value) ? "failed" : "ok"
  return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"
}
