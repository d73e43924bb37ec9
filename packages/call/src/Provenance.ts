/**
 * How an answer was had: fetched, shared with another caller, from the cache, or in place of one that could not be had.
 *
 * A composition gives each of its parts a {@link Trail}; the policies below write on it. It is for watching (Server-Timing,
 * metrics, the timeline) and never decides anything: a call behaves the same with or without one.
 */
import { Context, Effect, type Fiber } from "effect"

/**
 * How an answer was had: from the upstream for this caller, from another caller's call, from memory while fresh, from memory
 * when asking failed, from a stand-in, or not at all because nobody asked.
 */
export type Provenance = "fetched" | "coalesced" | "cached" | "stale" | "fallback" | "skipped"

/** Where the policies of one part write how its answer was had. The last word stands. */
export interface Trail {
  provenance: Provenance
}

/** The trail of the part under way; undefined where no composition keeps one, and then {@link note} does nothing. */
export const CurrentTrail: Context.Reference<Trail | undefined> = Context.Reference<Trail | undefined>(
  "@portico/call/Provenance/CurrentTrail",
  { defaultValue: () => undefined }
)

/** Notes how the answer of the current part was had. Nothing, where nobody asked. */
export const note = (provenance: Provenance): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    noteUnsafe(fiber, provenance)
    return Effect.void
  })

/** {@link note}, where the fiber is at hand. */
export const noteUnsafe = (fiber: Fiber.Fiber<unknown, unknown>, provenance: Provenance): void => {
  const trail = fiber.getRef(CurrentTrail)
  if (trail !== undefined) trail.provenance = provenance
}
