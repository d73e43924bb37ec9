/**
 * The turns of the event loop: what one thread does between two looks at its sockets.
 *
 * Whatever is ready waits for all that was ready before it, so the turn is the grain in which a busy process is late. Work
 * that can wait begins at the end of a turn, once what was ready has been gone on with. A port, so that a test turns the loop.
 */
import * as Backlog from "@portico/call/Backlog"
import { Clock, Context, Effect, Layer, Scheduler } from "effect"

/** The event loop of this thread: {@link EventLoop.layer} is the real one. */
export class EventLoop extends Context.Service<
  EventLoop,
  {
    /** Calls back once, when everything that is ready now has had its turn: lower priorities first, 0 unless said. */
    readonly afterTurn: (callback: () => void, priority?: number) => void
    /** Whether something that was ready waits all the same, since it would have made the turn too long. */
    readonly isBehind: () => boolean
    /** Whether turns are to be shorter from now on, since many wait for each only to be refused. */
    readonly shorten: (isShort: boolean) => void
  }
>()("@portico/edge/EventLoop") {
  /** By what a yield is: a dispatcher of its own runs what it is given at the end of the turn. */
  static readonly layer: Layer.Layer<EventLoop> = Layer.effect(
    EventLoop,
    Effect.withFiber((fiber) => {
      const dispatcher = fiber.getRef(Scheduler.Scheduler).makeDispatcher()
      const clock = fiber.getRef(Clock.Clock)
      return Effect.succeed({
        afterTurn: (callback: () => void, priority = 0) => dispatcher.scheduleTask(callback, priority),
        isBehind: () => Backlog.isBehind(clock),
        shorten: (isShort: boolean) => Backlog.shorten(clock, isShort)
      })
    })
  )
}
