/**
 * The instant by which an answer must be there, carried by everything that is done for it.
 *
 * Inside the process it is an absolute instant of the Clock, so that handing it on costs nothing and loses nothing; on the
 * wire it is what is left of it, in whole milliseconds, because the clocks of two hosts disagree. Inner code can only bring
 * it nearer. A timeout limits one attempt; the deadline limits everything.
 *
 * Use {@link within} where a budget is granted, {@link enforce} where somebody waits.
 */
import { Clock, Context, Data, Duration, Effect } from "effect"
import * as Alarm from "./Alarm.ts"

/** The current deadline in milliseconds of the Clock; `Infinity` where nobody set one. */
export const Deadline: Context.Reference<number> = Context.Reference<number>("@portico/call/Deadline", {
  defaultValue: () => Infinity
})

/** The deadline passed while {@link enforce} waited. */
export class DeadlineExceeded extends Data.TaggedError("DeadlineExceeded")<{}> {
  override get message() {
    return "the deadline passed"
  }
}

/**
 * Grants `self` at most `budget` from now. An earlier deadline from outside stays. It only sets the instant: upstream calls
 * keep it by themselves, any other effect needs {@link enforce}.
 *
 * @example
 * const left = yield* Deadline.remaining.pipe(Deadline.within("1 second"), Deadline.within("200 millis"))
 * left // => 200
 */
export const within =
  (budget: Duration.Input) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.clockWith((clock) => {
      const at = clock.currentTimeMillisUnsafe() + Duration.toMillis(Duration.fromInputUnsafe(budget))
      return Effect.updateService(self, Deadline, (outer) => Math.min(outer, at))
    })

/** Grants `self` until the instant `at`. An earlier deadline from outside stays. */
export const until =
  (at: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.updateService(self, Deadline, (outer) => Math.min(outer, at))

/** What is left, in milliseconds: at least 0, `Infinity` without a deadline. */
export const remaining: Effect.Effect<number> = Effect.withFiber((fiber) =>
  Effect.succeed(left(fiber.getRef(Deadline), fiber.getRef(Clock.Clock)))
)

/** {@link remaining}, where deadline and clock are at hand. */
export const left = (deadline: number, clock: Clock.Clock): number =>
  deadline === Infinity ? Infinity : Math.max(0, deadline - clock.currentTimeMillisUnsafe())

/**
 * Ends `self` at the deadline: interrupts it, waits for its finalizers and fails with {@link DeadlineExceeded}. Where the
 * deadline has passed already `self` is not begun.
 *
 * @example
 * const late = Effect.sleep("1 second").pipe(Deadline.enforce, Deadline.within("50 millis"), Effect.flip)
 * const error = yield* late
 * error._tag // => "DeadlineExceeded"
 */
export const enforce = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | DeadlineExceeded, R> =>
  Effect.withFiber((fiber) => {
    const at = fiber.getRef(Deadline)
    if (at !== Infinity && at <= fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()) return exceeded
    return Alarm.race(self, at, exceeded)
  })

const exceeded = Effect.suspend(() => Effect.fail(new DeadlineExceeded()))

/** The header that carries what is left, as Envoy names it: whole milliseconds. */
export const header = "x-envoy-expected-rq-timeout-ms"

/** The header's value for what is left: rounded down, since the next service must not think that it has more. */
export const toHeader = (millis: number): string => String(Math.max(0, Math.floor(millis)))

/**
 * What a caller says is left, in milliseconds, or undefined where the header says nothing usable. A caller's word may
 * shorten a deadline and never lengthens one, so nonsense is no reason to refuse a request.
 */
export const fromHeader = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined

/**
 * What is kept back of a budget for putting the answer together: a tenth, at least 5 ms (lura gives its merge 85 % for the
 * same end).
 */
export const reserve = (budgetMillis: number): number => Math.max(5, budgetMillis / 10)

/**
 * Milliseconds that the parts of an answer get of a service's own budget: less where the caller's header says so, and
 * without the {@link reserve}.
 */
export const forParts = (budgetMillis: number, callersHeader: string | undefined): number => {
  const granted = Math.min(budgetMillis, fromHeader(callersHeader) ?? Infinity)
  return Math.max(0, granted - reserve(granted))
}
