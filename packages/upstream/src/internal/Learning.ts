/** Remembers what a flight brings: once for all its callers. */
import type { Freshness } from "../Freshness.ts"
import type { Ask } from "./Ask.ts"

export const learning =
  <Q extends { readonly key: string }, A, E>(memory: Freshness<A, E>, ask: Ask<Q, A, E>): Ask<Q, A, E> =>
  (call, done) =>
    ask(call, (exit) => {
      const { clock, random } = call.surroundings
      memory.learn(call.question.key, exit, clock.currentTimeMillisUnsafe(), random)
      done(exit)
    })
