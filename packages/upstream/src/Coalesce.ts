/**
 * Callers with the same key share one call under way: a flight.
 *
 * The flight belongs to the coalescer, not to whoever came first: it runs in the context the coalescer was made in, under a
 * deadline of its own, and a caller that leaves takes nothing with it. When the last one leaves the key is freed first and
 * the flight interrupted then, so that a newcomer never joins a flight that is being cancelled. Whatever the flight ends in,
 * a defect too, reaches every caller. Only what names the request travels with it (request id and trace, for the wire): the
 * first caller's.
 *
 * A caller waits until its own deadline, and the flight for as long as anybody waits for it, or to its limit. How long that is
 * grows with those who join: whoever has more time than the first is not cut short by it here. What was told an upstream before
 * does not grow. So whoever has more than twice the time that the first had left, where that was less than `enough`, has a
 * flight of its own, which newcomers join. Whatever an Effect asks in its flight, it asks with the flight's limit.
 *
 * Effect's Cache shares a lookup too, but runs it in the first caller's context (what each costs: benchmark/Policies.ts).
 */
import * as Alarm from "@portico/call/Alarm"
import * as Direct from "@portico/call/Direct"
import { type Context, type Duration, Effect, type Exit, type Scope } from "effect"
import * as Ask from "./internal/Ask.ts"
import * as Call from "./internal/Call.ts"
import * as Flights from "./internal/Flights.ts"

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
  /** How long a flight may last, whoever waits for it. */
  readonly limit: Duration.Input
  /** What an attempt may take: more than this nobody has to have. */
  readonly enough: Duration.Input
  /** What a caller gets whose deadline passes while it waits, or whose flight comes to its limit. */
  readonly late: Exit.Exit<never, E2>
  /** Called for each caller that joins a flight under way. */
  readonly onJoin?: () => void
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
 *   late: Exit.fail("too late")
 * })
 * const both = yield* Effect.all([price("tea"), price("tea")], { concurrency: 2 })
 * both // => ["tea, question 1", "tea, question 1"]
 */
export const make = <I, A, E, R, E2>(
  options: Options<I, A, E, R, E2>
): Effect.Effect<Coalesce<I, A, E | E2>, never, R | Scope.Scope> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.map(
      Flights.make({
        ...options,
        ask: Ask.forked((call: Call.Call<I>) =>
          Effect.runForkWith(Call.contextOf(context, call))(
            Alarm.race(
              Effect.suspend(() => options.call(call.question)),
              call.until,
              options.late
            )
          )
        )
      }),
      ({ join, size }) =>
        Object.assign((input: I) => Direct.make<A, E | E2>((caller, asker) => join(input, caller, asker)), { size })
    )
  )
