/**
 * A second attempt when the first is slower than usual; the first success wins, the other is interrupted.
 *
 * Use it for idempotent calls whose slowness is the attempt's bad luck (a pause, a lost packet, a busy replica). "Usual" is a
 * quantile of the latencies of the last while, so at most that share of calls is hedged, and a budget of its own bounds the
 * extra load whatever the quantile says (Dean and Barroso, "The Tail at Scale"; the way of doing it is Finagle's backup
 * requests). It never hedges before it knows enough latencies, never before `floor`, and not where there is no tail: with an
 * upstream that is slow throughout, a second attempt would be as slow as the first and only add to its load.
 *
 * Nor does it hedge what is answered: where the process is busy, the answer often waits for the event loop, and so does the
 * alarm, which gives the loop one more turn to read it.
 *
 * Latencies are recorded of successes, of timeouts and of attempts that a hedge outran; a fast failure would pull the
 * quantile down.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Instant from "@portico/call/Instant"
import { Cause, Clock, Duration, Effect, Exit } from "effect"
import * as Ask from "./internal/Ask.ts"
import type { Call } from "./internal/Call.ts"
import { LatencyWindow } from "./internal/LatencyWindow.ts"
import type { Stackable } from "./Policy.ts"
import * as RetryBudget from "./RetryBudget.ts"
import * as UpstreamError from "./UpstreamError.ts"

/** When a second attempt is sent, and how many of them. */
export interface Options {
  /** Which share of attempts is as fast as usual: 0.95 hedges the slowest twentieth. */
  readonly quantile: number
  /** How far back latencies are looked at. */
  readonly window: Duration.Input
  /** Extra attempts as a share of calls. */
  readonly extra: number
  /** No hedge is sent earlier than this. */
  readonly floor: Duration.Input
  /** No hedge is sent before so many latencies are known. */
  readonly atLeast: number
  /** There is a tail where the quantile is so many times the median. */
  readonly tail: number
  /** `sent` when a second attempt starts, `won` when it was the one that answered, `unpaid` when the budget refused it. */
  readonly onHedge?: (what: "sent" | "won" | "unpaid") => void
}

/** The p95 of the last 30 seconds with at most 5 % extra load, never before 10 ms and never without data. */
export const defaults: Options = {
  quantile: 0.95,
  window: "30 seconds",
  extra: 0.05,
  floor: "10 millis",
  atLeast: 100,
  tail: 1.5
}

/**
 * The policy. Make it once for an upstream, whose latencies it learns, and put it inside the retries. When both attempts fail
 * it fails as the first did.
 *
 * @example
 * const hedge = Hedge.make(Hedge.defaults)
 * yield* hedge(Effect.succeed(499)) // => 499
 */
export const make = (options: Options): Stackable => {
  const { quantile, atLeast, tail, onHedge } = options
  const floor = Duration.toMillis(Duration.fromInputUnsafe(options.floor))
  const latencies = new LatencyWindow(Duration.toMillis(Duration.fromInputUnsafe(options.window)))
  const budget = RetryBudget.make({ share: options.extra, perSecond: 0, window: "10 seconds" })

  /** How long to wait for the first attempt; undefined: do not hedge. */
  const trigger = (now: number): number | undefined => {
    const known = latencies.quantiles(now, quantile, atLeast)
    // In whole milliseconds, as the clock that the alarm waits on.
    return known === undefined || known.tail < tail * known.median ? undefined : Math.max(floor, Math.ceil(known.tail))
  }

  const note: Note = (exit, clock, started) => {
    if (isTelling(exit)) latencies.record(clock.currentTimeMillisUnsafe(), Instant.millisSince(clock, started))
  }

  /** Begins a call: until when its first attempt goes alone, if not to its end. */
  const begin = (clock: Clock.Clock): number | undefined => {
    const now = clock.currentTimeMillisUnsafe()
    budget.deposit(now)
    const after = trigger(now)
    return after === undefined ? undefined : now + after
  }

  const hedging: Hedging = { budget, note, onHedge }

  const raced =
    (at: number): Ask.Around =>
    (ask) =>
    (call, asker) =>
      new Raced(hedging, ask, call, asker).begin(at)

  const policy = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const at = begin(clock)
      if (at !== undefined) return Ask.toPolicy(raced(at))(call)
      const started = Instant.now(clock)
      return Effect.onExitPrimitive(call, (exit) => {
        note(exit, clock, started)
        return undefined
      })
    })

  const around: Ask.Around = (ask) => (call, asker) => {
    const { clock } = call.surroundings
    const at = begin(clock)
    if (at !== undefined) return raced(at)(ask)(call, asker)
    return ask(call, new Noted(note, clock, asker))
  }

  return Object.assign(policy, { around })
}

/** Takes note of how long an attempt took that began at an instant, if how it ended says something of that. */
interface Note {
  (exit: Exit.Exit<unknown, unknown>, clock: Clock.Clock, started: number): void
}

/** What all calls of an upstream share. */
interface Hedging {
  readonly onHedge: Options["onHedge"] | undefined
  readonly budget: RetryBudget.RetryBudget
  readonly note: Note
}

/** An attempt that goes alone. */
class Noted<A, E> implements Ask.Asker<A, E> {
  private readonly note: Note
  private readonly clock: Clock.Clock
  private readonly started: number
  private readonly asker: Ask.Asker<A, E>

  constructor(note: Note, clock: Clock.Clock, asker: Ask.Asker<A, E>) {
    this.note = note
    this.clock = clock
    this.started = Instant.now(clock)
    this.asker = asker
  }

  tell(exit: Exit.Exit<A, E>): void {
    this.note(exit, this.clock, this.started)
    this.asker.tell(exit)
  }
}

/** Two attempts, the second of which is sent when it is rung; who is told of the first. */
class Raced<Q, A, E> implements Ask.Asker<A, E>, Ask.Begun, Alarm.Sleeper {
  private readonly hedging: Hedging
  private readonly ask: Ask.Ask<Q, A, E>
  private readonly call: Call<Q>
  private readonly asker: Ask.Asker<A, E>
  private readonly started: number
  private first = Ask.ended
  private second: Ask.Begun | undefined
  private failed: Exit.Exit<A, E> | undefined
  private alarm: Alarm.Alarm | undefined
  private alone = true
  /** The outcome is known, or nobody waits for it. */
  private over = false

  constructor(hedging: Hedging, ask: Ask.Ask<Q, A, E>, call: Call<Q>, asker: Ask.Asker<A, E>) {
    this.hedging = hedging
    this.ask = ask
    this.call = call
    this.asker = asker
    this.started = Instant.now(call.surroundings.clock)
  }

  /** Sends the first; the second is due at an instant. */
  begin(at: number): Ask.Begun {
    this.first = this.ask(this.call, this)
    if (this.over) return Ask.ended
    this.alarm = Alarm.setPatient(this.call.surroundings, at, this)
    return this
  }

  tell(exit: Exit.Exit<A, E>): void {
    this.hedging.note(exit, this.call.surroundings.clock, this.started)
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    if (!this.alone && this.failed === undefined && Exit.isFailure(exit)) {
      this.failed = exit
      return
    }
    this.over = true
    void this.second?.end()
    this.asker.tell(exit)
  }

  ring(): void {
    if (this.over) return
    const { call, hedging } = this
    const { clock } = call.surroundings
    if (!hedging.budget.tryWithdraw(clock.currentTimeMillisUnsafe())) return hedging.onHedge?.("unpaid")
    hedging.onHedge?.("sent")
    this.alone = false
    const sent = Instant.now(clock)
    const second = this.ask(call, { tell: (exit) => this.tellOfSecond(exit, sent) })
    // Its beginning may have let the first one succeed, or the caller leave.
    if (this.over) void second.end()
    else this.second = second
  }

  private tellOfSecond(exit: Exit.Exit<A, E>, sent: number): void {
    const { asker, hedging } = this
    const { clock } = this.call.surroundings
    hedging.note(exit, clock, sent)
    if (this.over) return
    if (Exit.isFailure(exit) && this.failed === undefined) {
      this.failed = exit
      return
    }
    this.over = true
    if (Exit.isFailure(exit)) return asker.tell(this.failed ?? exit)
    hedging.onHedge?.("won")
    // What the first would have taken, at least.
    hedging.note(exit, clock, this.started)
    void this.first.end()
    asker.tell(exit)
  }

  end(): Effect.Effect<void> {
    this.over = true
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    const first = this.first.end()
    return this.alone ? first : Effect.andThen(first, this.second?.end() ?? Effect.void)
  }
}

const isTelling = (exit: Exit.Exit<unknown, unknown>): boolean => {
  if (Exit.isSuccess(exit)) return true
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  return failure !== undefined && UpstreamError.is(failure.error) && failure.error.reason._tag === "Timeout"
}
