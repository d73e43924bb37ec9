/**
 * A call between an admission and its end: what a bulkhead and a breaker have in common.
 */
import { Clock, Effect, Exit, type Fiber, Random } from "effect"
import type { Policy } from "../Policy.ts"
import * as Ask from "./Ask.ts"
import type { Surroundings } from "./Call.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

export interface Gate<T, E2> {
  /** A ticket, or undefined: refused. Must not throw. */
  readonly enter: (now: number) => T | undefined
  readonly refuse: (now: number) => Exit.Exit<never, E2>
  /** Called once for each ticket, however its call ended. Must not throw. */
  readonly leave: (ticket: T, exit: Exit.Exit<unknown, unknown>, now: number, random: Random.Random) => void
}

/**
 * Around Effects. The end is in place before the admission happens, because a fiber may yield, and be interrupted, between
 * any two of its steps: whoever is admitted is always counted out again.
 */
export const policy =
  <T, E2>(gate: Gate<T, E2>): Policy<E2> =>
  <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E | E2, R> =>
    Effect.withFiber((fiber) => {
      let ticket: T | undefined
      return Effect.onExitPrimitive(
        Effect.suspend((): Effect.Effect<A, E | E2, R> => {
          const now = nowOf(fiber)
          ticket = gate.enter(now)
          return ticket === undefined ? gate.refuse(now) : call
        }),
        (exit) => {
          if (ticket !== undefined) gate.leave(ticket, exit, nowOf(fiber), fiber.getRef(Random.Random))
          return undefined
        }
      )
    })

const nowOf = (fiber: AnyFiber): number => fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()

/** Around a way to ask. */
export const around =
  <T, E2>(gate: Gate<T, E2>): Ask.Around<E2> =>
  (ask) =>
  (call, asker) => {
    const now = call.surroundings.clock.currentTimeMillisUnsafe()
    const ticket = gate.enter(now)
    if (ticket === undefined) {
      asker.tell(gate.refuse(now))
      return Ask.ended
    }
    const within = new Within(gate, ticket, call.surroundings, asker)
    return within.begin(ask(call, within))
  }

/** A call that was let in. */
class Within<T, A, E> implements Ask.Asker<A, E>, Ask.Begun {
  private readonly gate: Gate<T, unknown>
  private ticket: T | undefined
  private readonly surroundings: Surroundings
  private readonly asker: Ask.Asker<A, E>
  private begun = Ask.ended

  constructor(gate: Gate<T, unknown>, ticket: T, surroundings: Surroundings, asker: Ask.Asker<A, E>) {
    this.gate = gate
    this.ticket = ticket
    this.surroundings = surroundings
    this.asker = asker
  }

  begin(begun: Ask.Begun): Ask.Begun {
    this.begun = begun
    return this
  }

  tell(exit: Exit.Exit<A, E>): void {
    this.leave(exit)
    this.asker.tell(exit)
  }

  end(): Effect.Effect<void> {
    this.leave(left)
    return this.begun.end()
  }

  private leave(exit: Exit.Exit<unknown, unknown>): void {
    const { ticket } = this
    if (ticket === undefined) return
    this.ticket = undefined
    const { clock, random } = this.surroundings
    this.gate.leave(ticket, exit, clock.currentTimeMillisUnsafe(), random)
  }
}

const left = Exit.interrupt()
