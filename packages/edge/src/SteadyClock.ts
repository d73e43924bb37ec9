/**
 * A clock that nobody can set: it says what time it was when it was made, and what has gone by since.
 *
 * A machine's clock is set while services run: when it first hears of the right time, when it was suspended, by hand. Deadlines,
 * limits, open circuits and fresh answers are instants in milliseconds. With a clock that is put back by an hour each of them is an
 * hour away, and whoever waits waits that long; put forth, all have passed at once. (Go's `time` has a monotonic reading in
 * every instant for the same reason.)
 *
 * So milliseconds, which all of Portico goes by, are steady here. Nanoseconds are the machine's own, for what others are to
 * read as a {@link date}; loggers go by them.
 *
 * Use {@link layer} around a whole program, so that there is one clock in it.
 */
/* oxlint-disable no-restricted-globals, no-restricted-properties -- this is where the process's clocks come in */
import { Clock, Effect, Layer, Logger } from "effect"

/** `clock` with milliseconds that are those of `elapsed`, counted from what it says now. */
export const make = (clock: Clock.Clock, elapsed: () => number): Clock.Clock => {
  const origin = clock.currentTimeMillisUnsafe() - elapsed()
  const now = () => Math.floor(origin + elapsed())
  return {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    currentTimeNanos: clock.currentTimeNanos,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  }
}

/** The machine's date, whatever the clock's milliseconds say. */
export const date = (clock: Clock.Clock): Date => new Date(Number(clock.currentTimeNanosUnsafe() / 1_000_000n))

/** The same logger, which says the machine's date. */
const dated = <Message, Output>(
  logger: Logger.Logger<Message, Output>,
  clock: Clock.Clock
): Logger.Logger<Message, Output> => Logger.make((options) => logger.log({ ...options, date: date(clock) }))

/**
 * The steady clock, and loggers that say the machine's date, for all that it is provided to.
 *
 * @example
 * yield* Effect.sleep("1 second").pipe(Effect.provide(SteadyClock.layer))
 */
export const layer: Layer.Layer<never> = Layer.unwrap(
  Effect.withFiber((fiber) => {
    const clock = make(fiber.getRef(Clock.Clock), () => performance.now())
    const loggers = [...fiber.getRef(Logger.CurrentLoggers)].map((logger) => dated(logger, clock))
    return Effect.succeed(Layer.merge(Layer.succeed(Clock.Clock, clock), Logger.layer(loggers)))
  })
)
