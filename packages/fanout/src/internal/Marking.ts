/** How parts get onto the timeline: around whatever runs, if somebody keeps one. */
import * as Provenance from "@portico/call/Provenance"
import { Cause, Effect, Exit, type Fiber } from "effect"
import * as Part from "../Part.ts"
import * as Timeline from "../Timeline.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

/** Runs the part and marks when it began and ended; `failed` says whether a value stands for a failure. */
export const timed = <A, E, R>(
  name: string,
  effect: Effect.Effect<A, E, R>,
  failed: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const timeline = fiber.getRef(Timeline.Current)
    if (timeline === undefined) return effect
    const mark = begin(timeline, name, fiber)
    return Effect.onExitPrimitive(Effect.provideService(effect, Provenance.CurrentTrail, mark), (exit) => {
      end(mark, timeline, fiber, endOf(exit, failed))
      return undefined
    })
  })

/** Marks a part that is left out. */
export const skip = (name: string): Effect.Effect<Part.Skipped> =>
  Effect.withFiber((fiber) => {
    skipped(fiber.getRef(Timeline.Current), name, fiber)
    return Effect.succeed(Part.skipped)
  })

/** {@link skip}, where timeline and fiber are at hand. */
export const skipped = (timeline: Timeline.Timeline | undefined, name: string, fiber: AnyFiber): void => {
  if (timeline === undefined) return
  const mark = begin(timeline, name, fiber)
  mark.provenance = "skipped"
  mark.end = "ok"
  mark.endMillis = mark.startMillis
}

/** Marks that a part begins. */
export const begin = (timeline: Timeline.Timeline, name: string, fiber: AnyFiber): Timeline.Mark => {
  const mark: Timeline.Mark = {
    part: timeline.prefix + name,
    startMillis: Timeline.elapsed(timeline, fiber),
    endMillis: undefined,
    end: undefined,
    provenance: "fetched"
  }
  timeline.marks.push(mark)
  return mark
}

/** Marks that it has ended, and how. */
export const end = (
  mark: Timeline.Mark,
  timeline: Timeline.Timeline,
  fiber: AnyFiber,
  how: Timeline.Mark["end"]
): void => {
  mark.endMillis = Timeline.elapsed(timeline, fiber)
  mark.end = how
}

/** How what ends so is marked. */
export const endOf = <A>(exit: Exit.Exit<A, unknown>, failed: (value: A) => boolean): Timeline.Mark["end"] => {
  if (Exit.isSuccess(exit)) return failed(exit.value) ? "failed" : "ok"
  return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"
}
