/**
 * What travels with a call below the point where callers share it: until when it may last, and what names it on the wire.
 *
 * A value, and no context: a call belongs to the upstream and to nobody's fiber, and looking each of these up for each policy
 * of each call costs more than some of the policies.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Context, type Fiber, Random } from "effect"

/** What all calls of an upstream go by. */
export interface Surroundings extends Alarm.Timekeeper {
  readonly random: Random.Random
  /** For whatever of a call is an Effect. */
  readonly context: Context.Context<never>
}

export interface Call<Q> {
  readonly question: Q
  readonly surroundings: Surroundings
  /** The deadline. */
  readonly until: number
  /**
   * Until when anybody waits for it: what would come later is not worth a pause. Unlike the deadline it grows with those who
   * join.
   */
  readonly waitedUntil: () => number
  readonly requestId: string
  readonly trace: TraceContext.TraceContext | undefined
}

type AnyFiber = Fiber.Fiber<unknown, unknown>

export const surroundingsOf = (fiber: AnyFiber): Surroundings => ({
  ...Alarm.timekeeper(fiber),
  random: fiber.getRef(Random.Random),
  context: fiber.context
})

/** {@link Call.waitedUntil} where the call is an Effect. */
export const WaitedUntil: Context.Reference<() => number> = Context.Reference("@portico/upstream/Call/WaitedUntil", {
  defaultValue: () => () => Infinity
})

/** The fiber's own call: its deadline, and what it does the work for. */
export const ofFiber = <Q>(question: Q, fiber: AnyFiber): Call<Q> => ({
  question,
  surroundings: surroundingsOf(fiber),
  until: fiber.getRef(Deadline.Deadline),
  waitedUntil: fiber.getRef(WaitedUntil),
  requestId: fiber.getRef(RequestId.RequestId),
  trace: fiber.getRef(TraceContext.TraceContext)
})

/** The context in which an Effect does the call's work: its owner's, and what travels with the call. */
export const contextOf = <R>(owner: Context.Context<R>, call: Call<unknown>): Context.Context<R> =>
  owner.pipe(
    Context.add(Deadline.Deadline, call.until),
    Context.add(WaitedUntil, () => call.waitedUntil()),
    Context.add(RequestId.RequestId, call.requestId),
    Context.add(TraceContext.TraceContext, call.trace)
  )
