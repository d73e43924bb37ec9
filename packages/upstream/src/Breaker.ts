/**
 * Stops asking an upstream that mostly fails, and finds out by a few probes when it is well again.
 *
 * - Closed: calls pass. When at least `minimum` calls ended within the window and the bad ones' share reaches `threshold`,
 *   it opens.
 * - Open: calls are refused at once, with the time after which it is worth asking again. How long grows with each opening in
 *   a row, with jitter so that many processes do not come back in one moment.
 * - Half-open: a few calls at once pass as probes. So many that are answered close it, one bad one opens it again.
 *
 * What is bad is said by the error ({@link UpstreamError.counts}): not a caller's leaving or lateness, not a 4xx, not our own
 * refusals. An error of the domain is an answer, and a good sign. To a probe a 4xx is one too: what answers is there. The shape is Hystrix's, the numbers resilience4j's and
 * Polly's middle. One opinion a logical call: it stands outside the retries.
 *
 * Effect's CircuitBreaker counts the last n calls rather than a time, and its store costs some 7 microseconds a call
 * (benchmark/Policies.ts): right for a breaker shared between processes.
 */
import { Cause, Duration, Exit, type Random } from "effect"
import * as Ask from "./internal/Ask.ts"
import * as Gate from "./internal/Gate.ts"
import { RollingSum } from "./internal/RollingSum.ts"
import type { Stackable } from "./Policy.ts"
import * as UpstreamError from "./UpstreamError.ts"

/** Whether calls pass, are refused, or pass a few at a time as probes. */
export type State = "closed" | "open" | "half-open"

/** The policy, and its state. What it refuses fails with `Rejected` by `circuit breaker`. */
export interface Breaker extends Stackable<UpstreamError.UpstreamError> {
  /** The state at the instant `now`, in milliseconds of the Clock: an open time that has run out is half-open. */
  readonly state: (now: number) => State
  /** Holds it open or closed whatever happens, for an operator; undefined lets it decide again. */
  readonly force: (state: "open" | "closed" | undefined) => void
}

/** When it opens, and how it closes again. */
export interface Options {
  readonly upstream: string
  /** The share of bad calls that opens it. */
  readonly threshold: number
  /** So many calls must have ended within the window before it may open. */
  readonly minimum: number
  readonly window: Duration.Input
  /** How long the first opening lasts; each in a row lasts twice as long. */
  readonly openFor: Duration.Input
  readonly maxOpenFor: Duration.Input
  /** How many calls may probe at once, and how many that are answered close it. */
  readonly probes: number
  /**
   * Which errors are bad; one of which it throws is neither good nor bad. Unless said otherwise those of an upstream that
   * count: around any other Effect all are taken for the domain's.
   */
  readonly counts?: (error: unknown) => boolean
  /** Called at each turn by the policy's own count; not for what an operator forces. */
  readonly onTransition?: (to: State) => void
}

/** Open at 50 % bad of at least 20 calls in 10 s, for 1 s growing to 30 s; 3 probes. */
export const defaults: Omit<Options, "upstream"> = {
  threshold: 0.5,
  minimum: 20,
  window: "10 seconds",
  openFor: "1 second",
  maxOpenFor: "30 seconds",
  probes: 3
}

/** What a call knows of its admission: an outcome from before a transition says nothing about the state after it. */
interface Ticket {
  readonly generation: number
  readonly probe: boolean
}

const calls = 0
const bad = 1

/**
 * A closed breaker. Make it once for an upstream, and put it outside the retries.
 *
 * @example
 * const breaker = Breaker.make({ ...Breaker.defaults, upstream: "price" })
 * yield* breaker(Effect.succeed(499)) // => 499
 * breaker.force("open")
 * const error = yield* Effect.flip(breaker(Effect.succeed(499)))
 * error.message // => "price was not asked: its circuit is open"
 */
export const make = (options: Options): Breaker => {
  const { upstream, threshold, minimum, probes, counts = countsAsSaid } = options
  const windowMillis = millis(options.window)
  const window = new RollingSum(windowMillis, 2)
  const openFor = millis(options.openFor)
  const maxOpenFor = millis(options.maxOpenFor)
  let state: State = "closed"
  let generation = 0
  let tickets = ticketsOf(generation)
  let openUntil = 0
  let closedAt = -Infinity
  let openings = 0
  let probing = 0
  let passed = 0
  let forced: "open" | "closed" | undefined
  /** Those of one millisecond get the same: an error's stack costs more than all else of a refusal (8 us of 9). */
  let refusal: { readonly at: number; readonly exit: Exit.Exit<never, UpstreamError.UpstreamError> } | undefined

  const turn = (to: State) => {
    state = to
    generation++
    tickets = ticketsOf(generation)
    probing = 0
    passed = 0
    window.reset()
    refusal = undefined
    options.onTransition?.(to)
  }

  const trip = (now: number, random: Random.Random) => {
    // It was well for a whole window: what happened before that is forgotten.
    if (state === "closed" && now - closedAt >= windowMillis) openings = 0
    const jitter = 0.8 + 0.4 * random.nextDoubleUnsafe()
    openUntil = now + Math.min(maxOpenFor, openFor * 2 ** openings) * jitter
    openings++
    turn("open")
  }

  /** Who looks does not turn it. */
  const stateAt = (now: number): State => forced ?? (state === "open" && now >= openUntil ? "half-open" : state)

  const enter = (now: number): Ticket | undefined => {
    const is = stateAt(now)
    if (forced === undefined && is !== state) turn(is)
    switch (is) {
      case "closed":
        return tickets.call
      case "open":
        return undefined
      case "half-open":
        if (probing >= probes) return undefined
        probing++
        return tickets.probe
    }
  }

  const leave = (ticket: Ticket, exit: Exit.Exit<unknown, unknown>, now: number, random: Random.Random) => {
    if (ticket.generation !== generation) return
    const outcome = judge(exit, counts)
    if (ticket.probe) {
      probing--
      if (outcome === "bad") return trip(now, random)
      if (outcome !== "neither" && ++passed >= probes) {
        closedAt = now
        turn("closed")
      }
      return
    }
    if (outcome === "neither" || outcome === "answered") return
    window.add(now, 1, calls)
    if (outcome === "good") return
    window.add(now, 1, bad)
    const all = window.sum(now, calls)
    // A call that was let through by force may end in a state that has no business with it.
    if (forced !== undefined || state !== "closed") return
    if (all >= minimum && window.sum(now, bad) >= threshold * all) trip(now, random)
  }

  const refuse = (now: number) => {
    if (refusal?.at !== now) refusal = { at: now, exit: refusalAt(now) }
    return refusal.exit
  }

  const refusalAt = (now: number) => {
    // What an operator holds open has no known end.
    const known = forced === undefined ? { retryAfterMillis: Math.max(0, openUntil - now) } : {}
    const reason = new UpstreamError.Rejected({ by: "circuit breaker", ...known })
    return Exit.fail(new UpstreamError.UpstreamError({ upstream, reason }))
  }

  const gate: Gate.Gate<Ticket, UpstreamError.UpstreamError> = { enter, refuse, leave }
  return Object.assign(Gate.policy(gate), {
    around: Gate.around(gate),
    state: stateAt,
    force: (to: "open" | "closed" | undefined) => {
      forced = to
      refusal = undefined
    }
  })
}

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))

/** The same for all: what they say is all that there is to them. */
const ticketsOf = (generation: number): Record<"call" | "probe", Ticket> => ({
  call: { generation, probe: false },
  probe: { generation, probe: true }
})

const countsAsSaid = (error: unknown): boolean => UpstreamError.is(error) && error.counts

const judge = (
  exit: Exit.Exit<unknown, unknown>,
  counts: (error: unknown) => boolean
): "good" | "bad" | "answered" | "neither" => {
  if (Exit.isSuccess(exit)) return "good"
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return "neither"
  const { error } = failure
  const isBad = Ask.tried(() => counts(error))
  if (isBad === true) return "bad"
  if (isBad !== false) return "neither"
  if (!UpstreamError.is(error)) return "good"
  return error.reason._tag === "Status" ? "answered" : "neither"
}
