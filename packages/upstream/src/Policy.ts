/**
 * A policy is an Effect transformer: it may add errors and needs, and never changes the success type. That makes it usable
 * alone, on any Effect, and the stack in Upstream.ts nothing but a `pipe`.
 *
 * Making a policy is an Effect where it has state: make it once per upstream, never per call.
 */
import type { Effect } from "effect"
import type { Around } from "./internal/Ask.ts"

/** What a policy is. `E2` is how it fails of its own accord, `R2` what it needs. */
export interface Policy<E2 = never, R2 = never> {
  /** Puts the policy around `call`. Nothing runs yet. */
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R | R2>
}

/** A policy that stands in the stack of Upstream.ts too. */
export interface Stackable<E2 = never> extends Policy<E2> {
  /** The same decisions, shared with the policy, around a call that is no Effect. */
  readonly around: Around<E2>
}
