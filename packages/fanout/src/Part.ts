/**
 * What one call contributes to an answer made of many, and how much the answer depends on it.
 *
 * A composition names each part once and says there whether it is required. Absence is a value the client can read: an
 * {@link Outcome} has a `status`, and its data can be reached only by looking at it.
 */
import { Data, type Effect, type Option } from "effect"

/** A good answer from before, and its age. */
export interface LastGood<A> {
  readonly value: A
  readonly ageMillis: number
}

/** Without it there is no answer: its failure is the composition's. */
export interface Required<A, E, R> {
  readonly _tag: "Required"
  readonly effect: Effect.Effect<A, E, R>
}

/** The answer stands without it: last good data in its place, else a fallback, else nothing but the error. */
export interface Optional<A, E, R> {
  readonly _tag: "Optional"
  readonly effect: Effect.Effect<A, E, R>
  readonly stale: Effect.Effect<Option.Option<LastGood<A>>, never, R> | undefined
  /** Makes data up from the error. A method's parameter is bivariant: a part with a known error is also one with some error. */
  readonly fallback: { of(error: E | Defect): A }["of"] | undefined
}

/** What a part brings when all is well. */
export type Data<P> = P extends { readonly effect: Effect.Effect<infer A, infer _E, infer _R> } ? A : never

/** What is asked for once the part before it has data. */
export type Step<A> = {
  /** The part that the data leads to, or none. */
  of(data: A): Optional<unknown, unknown, unknown> | Skipped
}["of"]

/** A part, and the steps that need its data. */
export interface Followed<First, Steps> {
  readonly _tag: "Followed"
  readonly first: First
  readonly steps: Steps
}

/** Not asked for, on purpose: a guest has no profile. */
export interface Skipped {
  readonly _tag: "Skipped"
  readonly status: "skipped"
}

/** It is there. Which of the upstream and its memories it came from, the timeline says. */
export interface Ok<A> {
  readonly status: "ok"
  readonly data: A
}

/** It could not be had: in its place its last good data, and how old that is, in milliseconds. */
export interface Stale<A, E> {
  readonly status: "stale"
  readonly data: A
  readonly ageMillis: number
  readonly error: E
}

/** It could not be had, and no last good data is there either: data made up in its place. */
export interface Fallback<A, E> {
  readonly status: "fallback"
  readonly data: A
  readonly error: E
}

/** It could not be had, and nothing stands in for it. */
export interface Failed<E> {
  readonly status: "failed"
  readonly error: E
}

/** How a part ended. */
export type Outcome<A, E> = Ok<A> | Stale<A, E | Defect> | Fallback<A, E | Defect> | Failed<E | Defect> | Skipped

/** A part broke in a way nobody foresaw. The log has the cause; the client gets none of it. */
export class Defect extends Data.TaggedError("Defect")<{}> {
  override get message() {
    return "this part broke"
  }
}

/**
 * A part without which there is no answer. For `FanOut.degrade`.
 *
 * @example
 * Part.required(Live.fetch({ roomId }))
 */
export const required = <A, E, R>(effect: Effect.Effect<A, E, R>): Required<A, E, R> => ({ _tag: "Required", effect })

/**
 * A part without which the answer stands. When it fails, `stale` is looked at first and then `fallback`; a defect is a
 * failure as well, and the fallback gets a {@link Defect} of it. For `FanOut.degrade`.
 *
 * @example
 * Part.optional(Statistics.fetch({ roomId }), {
 *   stale: Statistics.lastGood({ roomId }),
 *   fallback: () => ({ roomId, viewers: 0, likes: 0, gifts: 0 })
 * })
 */
export const optional = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: {
    /** Where to look for the last good data when `effect` failed. */
    readonly stale?: Effect.Effect<Option.Option<LastGood<A>>, never, R>
    /** What to put in its place when there is none. */
    readonly fallback?: (error: E | Defect) => A
  }
): Optional<A, E, R> => ({ _tag: "Optional", effect, stale: options?.stale, fallback: options?.fallback })

/**
 * `first`, and as soon as it has data the steps that need it, all at once; where it has none they are skipped. A step is
 * optional: it has an outcome of its own and changes nothing about that of `first`. Where neither is worth anything without
 * the other they are one part, an `Effect.flatMap`. For `FanOut.degrade`.
 *
 * @typeParam Steps - each step under the name that its outcome gets
 * @example
 * Part.followedBy(Part.optional(Live.fetch({ roomId })), {
 *   anchor: ({ anchorId }) => Part.optional(User.fetch({ userId: anchorId }))
 * })
 */
export const followedBy = <
  First extends Required<unknown, unknown, unknown> | Optional<unknown, unknown, unknown>,
  const Steps extends Readonly<Record<string, Step<Data<First>>>>
>(
  first: First,
  steps: Steps
  // Where the part goes takes any steps, and must not decide what these are.
): Followed<First, NoInfer<Steps>> => ({ _tag: "Followed", first, steps })

/** The part that is left out: what stands in a composition, and as outcome in its result. */
export const skipped: Skipped = { _tag: "Skipped", status: "skipped" }

/** Whether a result is that of a part left out. A required part's data is otherwise bare. */
export const isSkipped = (value: unknown): value is Skipped => value === skipped

/** The outcome of a part that is there. */
export const ok = <A>(data: A): Ok<A> => ({ status: "ok", data })

/** The data, in whichever way it was had; undefined where there is none, for whoever shows what there is. */
export const dataOf = <A>(outcome: Outcome<A, unknown>): A | undefined => ("data" in outcome ? outcome.data : undefined)

/** Whether the part is as it should be: there, or left out on purpose. */
export const isComplete = (outcome: { readonly status: string }): boolean =>
  outcome.status === "ok" || outcome.status === "skipped"
