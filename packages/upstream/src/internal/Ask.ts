/**
 * A way to ask, without Effects: what the stack of policies in Upstream.ts is made of.
 *
 * Each policy is an Effect transformer for whoever wants one, and the same decisions around an Ask: as Effects the policies of
 * a call took two fibers and some thirty operations, and the call 11.4 us where it now takes 6.2 (benchmark/Policies.ts).
 * Effects begin where a caller waits.
 */
import * as Direct from "@portico/call/Direct"
import { Effect, Exit, Fiber } from "effect"
import type { Policy } from "../Policy.ts"
import * as Call from "./Call.ts"

/**
 * Asks. The asker is told once, perhaps before it returns, unless the asking was ended before. Must not throw: what others
 * throw is a defect of the exit.
 */
export interface Ask<Q, A, E> {
  (call: Call.Call<Q>, asker: Asker<A, E>): Begun
}

export type Asker<A, E> = Direct.Asker<A, E>
export type Begun = Direct.Begun

/** A policy: puts itself around a way to ask. */
export interface Around<E2 = never> {
  <Q, A, E>(ask: Ask<Q, A, E>): Ask<Q, A, E | E2>
}

export const { ended } = Direct

/** Asks by a fiber. */
export const forked =
  <Q, A, E>(fork: (call: Call.Call<Q>) => Fiber.Fiber<A, E>): Ask<Q, A, E> =>
  (call, asker) =>
    Direct.awaited(fork(call), asker)

/** Brings what an Effect brings: without a fiber where that is known already. */
export const settle = <Q, A, E>(effect: () => Effect.Effect<A, E>, call: Call.Call<Q>, asker: Asker<A, E>): Begun => {
  const settling: Effect.Effect<A, E> = tried(effect)
  if (isSettled(settling)) return Direct.tell(asker, settling)
  return forked(() => Effect.runForkWith(Call.contextOf(call.surroundings.context, call))(settling))(call, asker)
}

/** An Effect that is an Exit is one of its own types. */
const isSettled = <A, E>(effect: Effect.Effect<A, E>): effect is Exit.Exit<A, E> => Exit.isExit(effect)

/** What comes of others' code, whose throwing is a defect of the exit. */
export const tried = <A>(evaluate: () => A): A | Exit.Exit<never> => {
  try {
    return evaluate()
  } catch (defect) {
    return Exit.die(defect)
  }
}

/** Asks in the name of a caller's fiber: where a caller waits. */
export const begin =
  <Q, A, E>(ask: Ask<Q, A, E>) =>
  (question: Q): Direct.Begin<A, E, never> =>
  ({ fiber }, asker) =>
    ask(Call.ofFiber(question, fiber), asker)

/** A policy for Effects: each time it asks is a fiber, and all of them have ended before it goes on. */
export const toPolicy =
  <E2>(around: Around<E2>): Policy<E2> =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.context<R>().pipe(
      Effect.flatMap((context) =>
        Effect.withFiber((fiber) =>
          Effect.callback<A, E | E2>((resume) => {
            const running = new Set<Fiber.Fiber<A, E>>()
            const ask = around(
              forked(() => {
                const asking = Effect.runForkWith(context)(effect)
                running.add(asking)
                asking.addObserver(() => running.delete(asking))
                return asking
              })
            )
            const begun = ask(Call.ofFiber(undefined, fiber), {
              tell: (exit) => resume(running.size === 0 ? exit : Effect.andThen(Fiber.awaitAll(running), exit))
            })
            return Effect.suspend(() => begun.end())
          })
        )
      )
    )
