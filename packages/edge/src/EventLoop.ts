/**
 * How long the event loop takes to come round: what tells that this process is late, and not somebody it waits for.
 *
 * One thread serves every request, so whatever is ready waits for all that was ready before it, which is a turn of the
 * loop. An idle loop turns in a fraction of a millisecond; one that takes 20 ms makes every step of every request 20 ms
 * late. A port, so that a test can have a slow loop without having one.
 */
import { Clock, Context, Effect, Layer } from "effect"

/** A look at the event loop: {@link EventLoop.layer} is the real one. */
export class EventLoop extends Context.Service<
  EventLoop,
  {
    /** Waits until the loop has come round once; answers how many milliseconds that took. */
    readonly turn: Effect.Effect<number>
  }
>()("@portico/edge/EventLoop") {
  /**
   * By what a yield is: whoever yields goes on at the end of the turn, so that from one yield's end to the next one's is a
   * whole turn. No timer's grain blurs it, as it does a wake-up's lateness, and between two questions it costs nothing.
   */
  static readonly layer: Layer.Layer<EventLoop> = Layer.succeed(EventLoop, {
    turn: Effect.gen(function* () {
      yield* Effect.yieldNow
      const before = yield* Clock.monotonicTimeNanos
      yield* Effect.yieldNow
      return Number((yield* Clock.monotonicTimeNanos) - before) / 1e6
    })
  })
}
