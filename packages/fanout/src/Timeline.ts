/**
 * When each part of a fan-out began and ended, and how its answer was had: for Server-Timing, for a waterfall, for tests.
 *
 * Whoever wants it makes one and lets the fan-out write on it ({@link record}); it can be read at any time, also when the
 * fan-out failed or was interrupted. A fan-out that nobody watches records nothing.
 */
import type * as Provenance from "@portico/call/Provenance"
import { type Clock, Context, Effect } from "effect"

/** What is known of one part. */
export interface Mark {
  /** The part's name, after those of what it belongs to: `live`, or `r1/live/anchor`. */
  readonly part: string
  /** Milliseconds since the timeline began. */
  readonly startMillis: number
  /** Undefined while the part runs. */
  endMillis: number | undefined
  end: "ok" | "failed" | "interrupted" | undefined
  provenance: Provenance.Provenance
}

/** The marks of one or several fan-outs, measured from one beginning. */
export interface Timeline {
  /** In the order in which the parts began. */
  readonly marks: Array<Mark>
  readonly originNanos: bigint
  /** What goes before the names of the parts that write on it: nothing, or `r1/live/`. */
  readonly prefix: string
}

/** The timeline that fan-outs write on, if any. */
export const Current: Context.Reference<Timeline | undefined> = Context.Reference<Timeline | undefined>(
  "@portico/fanout/Timeline/Current",
  { defaultValue: () => undefined }
)

/** Begins a timeline now. */
export const make: Effect.Effect<Timeline> = Effect.clockWith((clock) => Effect.sync(() => begin(clock)))

/** {@link make}, where the clock is at hand. */
export const begin = (clock: Clock.Clock): Timeline => ({
  marks: [],
  originNanos: clock.monotonicTimeNanosUnsafe(),
  prefix: ""
})

/**
 * Lets the fan-outs in `self` write on `timeline`.
 *
 * @example
 * const timeline = yield* Timeline.make
 * yield* FanOut.failFast({ live: Effect.succeed(1), user: Part.skipped }).pipe(Timeline.record(timeline))
 * timeline.marks.map(Timeline.how) // => ["fetched", "skipped"]
 */
export const record =
  (timeline: Timeline) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.provideService(self, Current, timeline)

/** Puts `name` and a slash before the name of every part in `self`: for one of several fan-outs on the same timeline. */
export const under =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(self, Current, (timeline) =>
      timeline === undefined ? undefined : { ...timeline, prefix: `${timeline.prefix}${name}/` }
    )

/** Milliseconds from the timeline's beginning until now. */
export const elapsed = (timeline: Timeline, clock: Clock.Clock): number =>
  Number(clock.monotonicTimeNanosUnsafe() - timeline.originNanos) / 1e6

/** How long a part took, in milliseconds; 0 while it runs. */
export const duration = (mark: Mark): number => (mark.endMillis === undefined ? 0 : mark.endMillis - mark.startMillis)

/** How a part was had, or how else it ended: `fetched`, `cached`, `failed`, `interrupted`, or `running` still. */
export const how = ({ end, provenance }: Mark): string => (end === "ok" ? provenance : (end ?? "running"))

/** A mark as the `Server-Timing` header has it. */
export interface Metric {
  readonly name: string
  readonly millis: number
  readonly description: string
}

/** What each part took and {@link how} it was had. In the header a name is a token: `live/anchor` is `live.anchor`. */
export const metrics = ({ marks }: Timeline): Array<Metric> =>
  marks.map((mark) => ({
    name: mark.part.replaceAll("/", "."),
    millis: duration(mark),
    description: how(mark)
  }))
