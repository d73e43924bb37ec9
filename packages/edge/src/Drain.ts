/**
 * Leaving without dropping anybody: readiness fails first, work under way is finished, new work is refused.
 *
 * Every request that counts as work runs under {@link Drain.track}, or is told of by `enter` and `leave` where it is no
 * Effect yet. When the process is told to end, {@link Drain.drain} turns the state, waits until the last of them has been
 * answered, and gives up after a limit: what still runs then is interrupted by the server's own shutdown.
 */
import { Context, Data, Deferred, type Duration, Effect, Exit, Layer } from "effect"

/** Refused: the process is about to end. Another one will answer. */
export class Draining extends Data.TaggedError("Draining")<{}> {
  override get message() {
    return "the service is shutting down"
  }
}

/**
 * The state of leaving, and the count of the work under way.
 *
 * @example
 * const drain = yield* Drain
 * yield* drain.track(Effect.succeed("answered")) // => "answered"
 * yield* drain.drain("10 seconds")
 * yield* Effect.flip(drain.track(Effect.succeed("too late"))) // => new Draining()
 */
export class Drain extends Context.Service<
  Drain,
  {
    /** Whether the drain has begun. It never ends. */
    readonly isDraining: () => boolean
    /** How many tracked requests are under way. */
    readonly inFlight: () => number
    /** Counts one more as under way; false, and not counted, once the drain has begun. */
    readonly enter: () => boolean
    /** Counts one of them out again: it has been answered. */
    readonly leave: () => void
    /** Counts `request` as work under way; refuses it once the drain has begun. */
    readonly track: <A, E, R>(request: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Draining, R>
    /** Begins the drain and waits for the work under way, at most `limit`. */
    readonly drain: (limit: Duration.Input) => Effect.Effect<void>
  }
>()("@portico/edge/Drain") {
  /** Nothing under way, and not draining. For the process: who tracks and who drains must share it. */
  static readonly layer = Layer.effect(
    Drain,
    Effect.gen(function* () {
      const idle = yield* Deferred.make<void>()
      let draining = false
      let inFlight = 0
      const enter = () => {
        if (!draining) inFlight++
        return !draining
      }
      const leave = () => {
        inFlight--
        if (draining && inFlight === 0) Deferred.doneUnsafe(idle, Exit.void)
      }
      return Drain.of({
        isDraining: () => draining,
        inFlight: () => inFlight,
        enter,
        leave,
        track: <A, E, R>(request: Effect.Effect<A, E, R>) =>
          // Counted out is in place before counted in: a fiber may yield, and be interrupted, between any two steps.
          Effect.suspend(() => {
            let counted = false
            const tracked = Effect.suspend((): Effect.Effect<A, E | Draining, R> => {
              counted = enter()
              return counted ? request : Effect.fail(new Draining())
            })
            return Effect.onExitPrimitive(tracked, () => {
              if (counted) leave()
              return undefined
            })
          }),
        drain: (limit) =>
          Effect.suspend(() => {
            draining = true
            return inFlight === 0 ? Effect.void : Effect.asVoid(Effect.timeoutOption(Deferred.await(idle), limit))
          })
      })
    })
  )
}
