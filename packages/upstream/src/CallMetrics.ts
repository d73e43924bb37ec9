/**
 * What an upstream's policies did, in numbers: for Prometheus, and for whoever watches.
 *
 * The outermost of the policies, because it sees what the caller lived: a rejection too, and the time spent in back-offs. The
 * series are made once per upstream and updated synchronously: finding them by their labels at each call costs more than
 * the counting.
 */
import * as Direct from "@portico/call/Direct"
import * as Instant from "@portico/call/Instant"
import * as Series from "@portico/call/Series"
import { Cause, Clock, type Context, Effect, Exit, type Scope } from "effect"
import type * as Breaker from "./Breaker.ts"
import type { Policy } from "./Policy.ts"
import * as UpstreamError from "./UpstreamError.ts"

const calls = Series.histogram(
  "upstream_call_duration_seconds",
  "How long callers waited for an upstream's answer, by how it ended",
  Series.seconds
)
const attempts = Series.counter("upstream_attempts_total", "Requests on the wire")
const retries = Series.counter("upstream_retries_total", "Attempts beyond the first, by whether the retry budget paid")
const hedges = Series.counter("upstream_hedges_total", "Second attempts for slow calls: sent, won, or unpaid")
const transitions = Series.counter(
  "upstream_circuit_transitions_total",
  "Times the circuit turned, by what it turned to"
)
const circuit = Series.gauge("upstream_circuit_state", "0 closed, 1 half-open, 2 open")
const inFlight = Series.gauge("upstream_in_flight", "Attempts under way")
const coalesced = Series.counter("upstream_coalesced_total", "Calls that joined one under way")
const cached = Series.counter("upstream_cached_total", "Calls answered by a fresh answer from before")
const stale = Series.counter("upstream_stale_total", "Answers from before that stood in for one that could not be had")
const batches = Series.histogram(
  "upstream_batch_size",
  "Calls that went out in one request",
  [1, 2, 5, 10, 20, 50, 100]
)

/** The measuring policy, and what the other policies tell as it happens. */
export interface CallMetrics {
  /** Measures every call. */
  readonly policy: Policy
  /** The same for calls that are begun without a fiber. */
  readonly around: <A, E, R>(begin: Direct.Begin<A, E, R>) => Direct.Begin<A, E, R>
  /** How many milliseconds calls take as a rule, if nobody knows the answer already: of the last few; 0 before there were any. */
  readonly usualMillis: () => number
  /** A request goes out. */
  readonly attempt: () => void
  /** Another attempt is due, and the budget paid for it or did not. */
  readonly retry: (paid: boolean) => void
  /** A second attempt was sent, was the one that answered, or was not paid for. */
  readonly hedge: (what: "sent" | "won" | "unpaid") => void
  /** The circuit turned. */
  readonly turned: (to: Breaker.State) => void
  /** Shows the circuit's state as it is when somebody looks, for as long as the scope lasts. */
  readonly circuit: (read: (now: number) => Breaker.State) => Effect.Effect<void, never, Scope.Scope>
  /** Shows a number that is read when somebody looks, for as long as the scope lasts. */
  readonly inFlight: (read: () => number) => Effect.Effect<void, never, Scope.Scope>
  /** A call joined one under way. */
  readonly coalesced: () => void
  /** A call was answered from memory, in no time. */
  readonly cached: (exit: Exit.Exit<unknown, unknown>) => void
  /** The last good answer was asked for and was there. */
  readonly stale: () => void
  /** A batch of so many calls goes out. */
  readonly batch: (size: number) => void
}

const states: Readonly<Record<Breaker.State, number>> = { closed: 0, "half-open": 1, open: 2 }

/** Of the latest call in the moving average: the last ten or so are most of it. */
const weight = 0.1

/** The series of one upstream, in the registry of the current context. */
export const make = (upstream: string): Effect.Effect<CallMetrics> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.sync(() => {
      const labels = { upstream }
      const of = <I, S>(family: Series.Family<I, S>) => Series.of(family, labels, context)
      const ended = Series.by(calls, "outcome", labels, context)
      const attempted = of(attempts)
      const retried = Series.by(retries, "budget", labels, context)
      const hedged = Series.by(hedges, "outcome", labels, context)
      const turned = Series.by(transitions, "to", labels, context)
      const joined = of(coalesced)
      const hit = of(cached)
      const stood = of(stale)
      let usualMillis = 0
      const count: Count = (outcome, millis) => {
        usualMillis += (millis - usualMillis) * (usualMillis === 0 ? 1 : weight)
        ended(outcome, millis / 1e3)
      }
      const policy: Policy = (call) =>
        Effect.withFiber((fiber) => {
          const clock = fiber.getRef(Clock.Clock)
          // Whoever uses it alone may measure what has no limit.
          const start = clock.monotonicTimeNanosUnsafe()
          return Effect.onExitPrimitive(call, (exit) => {
            count(outcomeOf(exit), Number(clock.monotonicTimeNanosUnsafe() - start) / 1e6)
            return undefined
          })
        })
      const around: CallMetrics["around"] = (begin) => (caller, asker) => {
        const counted = new Counted(count, caller.fiber.getRef(Clock.Clock), asker)
        return counted.begin(begin(caller, counted))
      }
      return {
        policy,
        around,
        usualMillis: () => usualMillis,
        attempt: () => attempted(1),
        retry: (paid) => retried(paid ? "paid" : "exhausted", 1),
        hedge: (what) => hedged(what, 1),
        turned: (to) => turned(to, 1),
        // Not as it was when a call last looked: an open time that is over is over without calls too.
        circuit: (read) =>
          Effect.clockWith((clock) =>
            Series.read(circuit(labels), () => ({ value: states[read(clock.currentTimeMillisUnsafe())] }))
          ),
        inFlight: (read) => Series.read(inFlight(labels), () => ({ value: read() })),
        coalesced: () => joined(1),
        cached: (exit) => {
          hit(1)
          ended(outcomeOf(exit), 0)
        },
        stale: () => stood(1),
        batch: of(batches)
      }
    })
  )

/** Counts a call that has ended so after so many milliseconds. */
interface Count {
  (outcome: string, millis: number): void
}

/** A call that is counted as it ends. */
class Counted<A, E> implements Direct.Asker<A, E>, Direct.Begun {
  private readonly count: Count
  private readonly clock: Clock.Clock
  private readonly started: number
  private readonly asker: Direct.Asker<A, E>
  private begun = Direct.ended
  private over = false

  constructor(count: Count, clock: Clock.Clock, asker: Direct.Asker<A, E>) {
    this.count = count
    this.clock = clock
    this.started = Instant.now(clock)
    this.asker = asker
  }

  begin(begun: Direct.Begun): Direct.Begun {
    this.begun = begun
    return this
  }

  tell(exit: Exit.Exit<A, E>): void {
    this.over = true
    this.count(outcomeOf(exit), Instant.millisSince(this.clock, this.started))
    this.asker.tell(exit)
  }

  end(): Effect.Effect<void> {
    if (!this.over) this.count("interrupted", Instant.millisSince(this.clock, this.started))
    this.over = true
    return this.begun.end()
  }
}

/** `ok`, an UpstreamError's reason in lower case, `domain_error`, `defect`, `interrupted`: few enough to be labels. */
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "interrupted" : "defect"
  return UpstreamError.is(failure.error) ? failure.error.reason._tag.toLowerCase() : "domain_error"
}
