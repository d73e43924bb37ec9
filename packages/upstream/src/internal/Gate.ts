/**
 * A call between an admission and its end: what a bulkhead and a breaker have in common.
 *
 * The end is in place before the admission happens, because a fiber may yield, and be interrupted, between any two of its
 * steps: whoever is admitted is always counted out again.
 */
import { Effect, type Exit, type Fiber } from "effect"

type AnyFiber = Fiber.Fiber<unknown, unknown>

export interface Gate<T, E2> {
  /** A ticket, or undefined: refused. Must not throw. */
  readonly enter: (fiber: AnyFiber) => T | undefined
  readonly refuse: (fiber: AnyFiber) => Effect.Effect<never, E2>
  /** Called once for each ticket, however its call ended. Must not throw. */
  readonly leave: (ticket: T, exit: Exit.Exit<unknown, unknown>, fiber: AnyFiber) => void
}

export const through = <T, E2, A, E, R>(gate: Gate<T, E2>, call: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
  Effect.withFiber((fiber) => {
    let ticket: T | undefined
    return Effect.onExitPrimitive(
      Effect.suspend((): Effect.Effect<A, E | E2, R> => {
        ticket = gate.enter(fiber)
        return ticket === undefined ? gate.refuse(fiber) : call
      }),
      (exit) => {
        if (ticket !== undefined) gate.leave(ticket, exit, fiber)
        return undefined
      }
    )
  })
