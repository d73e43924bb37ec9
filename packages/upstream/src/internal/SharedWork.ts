/**
 * The context of work that several callers wait for: the owner's, a deadline of its own, and of the caller who began it only
 * what names the request on the wire.
 */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Context, type Fiber } from "effect"

/**
 * Until when anybody waits for the work: what would come later is not worth a pause. Unlike a deadline it grows with those
 * who join.
 */
export const WaitedUntil: Context.Reference<() => number> = Context.Reference(
  "@portico/upstream/SharedWork/WaitedUntil",
  { defaultValue: () => () => Infinity }
)

export const contextFor = <R>(
  owner: Context.Context<R>,
  caller: Fiber.Fiber<unknown, unknown>,
  deadline: number,
  waitedUntil: () => number
): Context.Context<R> =>
  owner.pipe(
    Context.add(Deadline.Deadline, deadline),
    Context.add(WaitedUntil, waitedUntil),
    Context.add(RequestId.RequestId, caller.getRef(RequestId.RequestId)),
    Context.add(TraceContext.TraceContext, caller.getRef(TraceContext.TraceContext))
  )
