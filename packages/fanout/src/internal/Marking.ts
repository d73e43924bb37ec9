/** How parts get onto the timeline: around whatever runs, if somebody keeps one. */
import * as Instant from "@portico/call/Instant"
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
  const mark = new Measured(timeline.prefix + name, at)
  timeline.marks.push(mark)
  return mark
}

/** Marks that it has ended, and how. */
export const end = (mark: Timeline.Mark, at: number, how: Timeline.Mark["end"]): void => {
  mark.endMillis = at
  mark.end = how
}

/** In whole microseconds, as {@link Instant} says why: a part that is under way has no object for each of its times. */
class Measured implements Timeline.Mark {
  readonly part: string
  end: Timeline.Mark["end"] = undefined
  provenance: Timeline.Mark["provenance"] = "fetched"
  private readonly startMicros: number
  /** Negative while the part runs. */
  private endMicros = -1

  constructor(part: string, at: number) {
    this.part = part
    this.startMicros = micros(at)
  }

  get startMillis(): number {
    return this.startMicros / 1e3
  }

  get endMillis(): number | undefined {
    return this.endMicros < 0 ? undefined : this.endMicros / 1e3
  }

  set endMillis(at: number | undefined) {
    this.endMicros = at === undefined ? -1 : micros(at)
  }
}

const micros = (millis: number): number => Instant.small(Math.round(millis * 1e3))

/** How what ends so is marked. */
export const endOf = <A>(exit: Exit.Exit<A, unknown>, failed: (value: A) => boolean): Timeline.Mark["end"] => {
  if (Exit.isSuccess(exit)) return failed(exit.value) ? "failed" : "ok"
  return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "failed"
}
