/**
 * When each part of a fan-out began and ended, and how its answer was had: for Server-Timing, for a waterfall, for tests.
 *
 * Whoever wants it makes one and lets the fan-out write on it ({@link record}); it can be read at any time, also when the
 * fan-out failed or was interrupted. A fan-out that nobody watches records nothing.
 */
import type * as Provenance from "@portico/call/Provenance"
import { Clock, Context, Effect, type Fiber } from "effect"

export interface Mark {
  readonly part: string
  /** Milliseconds since the timeline began. */
  readonly startMillis: number
  /** Undefined while the part runs. */
  endMillis: number | undefined
  end: "ok" | "failed" | "interrupted" | undefined
  provenance: Provenance.Provenance
}

export interface Timeline {
  /** In the order in which the parts began. */
  readonly marks: Array<Mark>
  readonly originNanos: bigint
}

/** The timeline that fan-outs write on, if any. */
export const Current: Context.Reference<Timeline | undefined> = Context.Reference<Timeline | undefined>(
  "@portico/fanout/Timeline/Current",
  { defaultValue: () => undefined }
)

/** Begins a timeline now. */
export const make: Effect.Effect<Timeline> = Effect.clockWith((clock) =>
  Effect.sync(() => ({ marks: [], originNanos: clock.monotonicTimeNanosUnsafe() }))
)

/** Lets the fan-outs in `self` write on `timeline`. */
export const record =
  (timeline: Timeline) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, Current, timeline)

/** Milliseconds from the timeline's beginning until now. */
export const elapsed = (timeline: Timeline, fiber: Fiber.Fiber<unknown, unknown>): number =>
  Number(fiber.getRef(Clock.Clock).monotonicTimeNanosUnsafe() - timeline.originNanos) / 1e6

/** How long a part took, in milliseconds; 0 while it runs. */
export const duration = (mark: Mark): number => (mark.endMillis === undefined ? 0 : mark.endMillis - mark.startMillis)
