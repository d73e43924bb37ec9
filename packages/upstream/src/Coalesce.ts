/**
 * Callers with the same key share one call under way: a flight.
 *
 * The flight belongs to the coalescer, not to whoever came first: it runs in the context the coalescer was made in, under a
 * deadline of its own, and a caller that leaves takes nothing with it. When the last one leaves the key is freed first and
 * the flight interrupted then, so that a newcomer never joins a flight that is being cancelled. Whatever the flight ends in,
 * a defect too, reaches every caller. Only what names the request travels with it (request id and trace, for the wire): the
 * first caller's.
 *
 * A caller waits until its own deadline. Where its deadline is so near that even one attempt would be cut short, its flight
 * tells the upstream so, and is kept from callers who have more time: they would pay for the first one's poverty.
 *
 * Effect's Cache shares a lookup too, but runs it in the first caller's context, and costs some 3 microseconds a miss
 * (benchmark/Policies.ts).
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Provenance from "@portico/call/Provenance"
import { Clock, Duration, Effect, Fiber, type Scope } from "effect"
import * as SharedWork from "./internal/SharedWork.ts"

/** Asks, or waits with whoever asked the same before and has no answer yet. */
export interface Coalesce<I, A, E> {
  /** Joins the flight of the input's key, or begins one. */
  (input: I): Effect.Effect<A, E>
  /** How many flights are under way. */
  readonly size: () => number
}

/** What is asked, what makes two questions the same, and how long it may take. */
export interface Options<I, A, E, R, E2> {
  /** Inputs with one key ask the same: it holds everything that the request forwards. */
  readonly key: (input: I) => string
  /** Asks: the flight. */
  readonly call: (input: I) => Effect.Effect<A, E, R>
  /** How long a flight may last. */
  readonly limit: Duration.Input
  /** What a caller needs for one whole attempt: with less time left its flight keeps its deadline, and others their own. */
  readonly enough: Duration.Input
  /** What a caller gets whose deadline passes while it waits. */
  readonly late: Effect.Effect<never, E2>
  /** Called for each caller that joins a flight under way. */
  readonly onJoin?: () => void
}

/**
 * What a map holds of a flight. Its fiber is let go of as soon as it ends: V8 keeps what was in a map alive longer than the
 * map shows it (a map that was rehashed still refers to its successor), and a fiber would keep everything of its call.
 */
interface Flight<A, E> {
  fiber: Fiber.Fiber<A, E> | undefined
  /** Its deadline. */
  readonly until: number
  /** Whether it was cut short for its first caller. */
  readonly short: boolean
  /** The latest deadline of those who wait, or did. */
  readonly waited: { until: number }
  waiters: number
}

/**
 * Begins without any flight; flights still under way when the scope closes are interrupted. Make it once for an upstream, and
 * only for calls that change nothing.
 *
 * @example
 * let asked = 0
 * const price = yield* Coalesce.make({
 *   key: (item: string) => item,
 *   call: (item) => Effect.delay(Effect.sync(() => `${item}, question ${++asked}`), "10 millis"),
 *   limit: "2 seconds",
 *   enough: "500 millis",
 *   late: Effect.fail("too late")
 * })
 * const both = yield* Effect.all([price("tea"), price("tea")], { concurrency: 2 })
 * both // => ["tea, question 1", "tea, question 1"]
 */
export const make = <I, A, E, R, E2>(
  options: Options<I, A, E, R, E2>
): Effect.Effect<Coalesce<I, A, E | E2>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Effect.context<R>()
    /** What a newcomer may join, and what has not ended although nobody may join it any longer. */
    const flights = new Map<string, Flight<A, E>>()
    const apart = new Set<Flight<A, E>>()
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() =>
        Fiber.interruptAll(
          [...flights.values(), ...apart].map(({ fiber }) => fiber).filter((fiber) => fiber !== undefined)
        )
      )
    )
    const limit = Duration.toMillis(Duration.fromInputUnsafe(options.limit))
    const enough = Duration.toMillis(Duration.fromInputUnsafe(options.enough))

    const open = (key: string, input: I, caller: Fiber.Fiber<unknown, unknown>, now: number, until: number) => {
      const short = until - now < enough
      const deadline = short ? until : now + limit
      const waited = { until }
      const fiber = Effect.runForkWith(SharedWork.contextFor(context, caller, deadline, () => waited.until))(
        options.call(input)
      )
      const flight: Flight<A, E> = { fiber, until: deadline, short, waited, waiters: 0 }
      const displaced = flights.get(key)
      if (displaced !== undefined) apart.add(displaced)
      flights.set(key, flight)
      // The first observer: the key is free before any caller goes on.
      fiber.addObserver(() => {
        flight.fiber = undefined
        if (flights.get(key) === flight) flights.delete(key)
        else apart.delete(flight)
      })
      return { flight, fiber }
    }

    const end = ({ fiber }: Flight<A, E>): Effect.Effect<void> =>
      fiber === undefined ? Effect.void : Fiber.interrupt(fiber)

    /** What is left to do once a caller has been counted out. */
    const depart = (key: string, flight: Flight<A, E>): Effect.Effect<void> => {
      if (flight.waiters > 0 || flight.fiber === undefined) return Effect.void
      if (flights.get(key) === flight) {
        flights.delete(key)
        apart.add(flight)
      }
      return end(flight)
    }

    const join = (input: I): Effect.Effect<A, E | E2> =>
      Effect.withFiber((caller) => {
        const clock = caller.getRef(Clock.Clock)
        const now = clock.currentTimeMillisUnsafe()
        const until = caller.getRef(Deadline.Deadline)
        if (until <= now) return options.late
        return Effect.callback<A, E | E2>((resume) => {
          const key = options.key(input)
          const known = joinable(flights.get(key), until)
          if (known !== undefined) {
            Provenance.noteUnsafe(caller, "coalesced")
            options.onJoin?.()
          }
          const { flight: joined, fiber } = known ?? open(key, input, caller, now, until)
          const done = fiber.pollUnsafe()
          if (done !== undefined) return resume(done)
          joined.waiters++
          joined.waited.until = Math.max(joined.waited.until, until)
          let waits = true
          // It may be begun twice, where a fiber is interrupted on its way from its deadline to its error.
          const leave = () => {
            if (alarm !== undefined) Alarm.cancel(alarm)
            stop()
            if (waits) joined.waiters--
            waits = false
            return depart(key, joined)
          }
          const alarm =
            until === Infinity
              ? undefined
              : Alarm.set(caller, until, () => resume(Effect.andThen(leave(), options.late)))
          const stop = fiber.addObserver((exit) => {
            if (alarm !== undefined) Alarm.cancel(alarm)
            resume(exit)
          })
          return Effect.suspend(leave)
        })
      })

    return Object.assign(join, { size: () => flights.size + apart.size })
  })

/** A flight that a caller may join: one that was cut short is only for those who have no more time. */
const joinable = <A, E>(flight: Flight<A, E> | undefined, until: number) => {
  if (flight?.fiber === undefined || (flight.short && flight.until < until)) return undefined
  return { flight, fiber: flight.fiber }
}
