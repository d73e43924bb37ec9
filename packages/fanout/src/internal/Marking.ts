/** How parts get onto the timeline: around whatever runs, if somebody keeps one. */
import * as Provenance from "@portico/call/Provenance"
import { Cause, Effect, Exit } from "effect"
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
    const mark: Timeline.Mark = {
      part: timeline.prefix + name,
      startMillis: Timeline.elapsed(timeline, fiber),
      endMillis: undefined,
      end: undefined,
      provenance: "fetched"
    }
    timeline.marks.push(mark)
    return Effect.onExitPrimitive(Effect.provideService(effect, Provenance.CurrentTrail, mark), (exit) => {
      mark.endMillis = Timeline.elapsed(timeline, fiber)
      mark.end = endOf(exit, failed)
      return undefined
    })
  })

/** Marks a part that is left out. */
export const skip = (name: string): Effect.Effect<Part.Skipped> =>
  Effect.withFiber((fiber) => {
    const timeline = fiber.getRef(Timeline.Current)
    if (timeline !== undefined) {
      const at = Timeline.elapsed(timeline, fiber)
      const part = timeline.prefix + name
      timeline.marks.push({ part, startMillis: at, endMillis: at, end: "ok", provenance: "skipped" })
    }
    return Effect.succeed(Part.skipped)
  })

const endOf = <A>(exit: Exit.Exit<A, unknown>, failed: (value: A) => boolean): Timeline.Mark["end"] => {
  if (Exit.isSuccess(exit)) return failed(exit.value) ? "failed" : "ok"
  return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"
}
