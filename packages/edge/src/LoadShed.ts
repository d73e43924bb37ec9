/**
 * Lets in no more than there is time for: a line in which everybody who stands is served, and a refusal at once for whoever
 * would be too late.
 *
 * One thread serves everybody. Work that is begun as it comes makes every turn of its event loop longer for everybody who
 * is inside; at three times the load nothing ends in time. So new work gets what is left: when the loop comes round,
 * {@link entriesPerTurn} begin, and what is under way is gone on with first. In flight are then as many as keep the thread
 * busy, and no more: few where upstreams answer at once, many where they are slow, without a number that anybody sets, or
 * an estimate that has to find it. Turns stay short, so a refusal takes a few milliseconds even when everything is taken.
 *
 * Who comes when others wait is told at once whether it is worth it. What was begun of late says how long one takes
 * (`internal/Pace`), the line how many are before: Little's law, as go-zero and Kratos' BBR use it of passes and latency, here
 * of a wait. Above {@link worthwhile} of the time that the answer is of use it is a refusal, so that the limit follows what
 * this process really gets done; where there has been too much for a second, above {@link standingMillis}. A slow
 * upstream is no overload: nobody waits in line for it. It has its own bounds, which are the deadline, its breaker and its
 * bulkhead.
 *
 * The line is first come, first served: where all of it can be served, as when a thousand clients ask again and again,
 * nobody is put last for good. Whoever leaves it is forgotten.
 *
 * Use {@link LoadShed.admit} around whatever costs enough to be refused; health routes do without.
 */
import * as Deadline from "@portico/call/Deadline"
import * as Series from "@portico/call/Series"
import { Clock, Context, Data, Effect, Layer, type Scope } from "effect"
import { EventLoop } from "./EventLoop.ts"
import { type Caller, Line, type Options as LineOptions, type Place } from "./internal/Line.ts"

export type { Caller, Place } from "./internal/Line.ts"

/** Refused: there is too much to do already. */
export class Overloaded extends Data.TaggedError("Overloaded")<{ readonly retryAfterMillis: number }> {
  override get message() {
    return "the service has too much to do"
  }
}

/** The one there is, since a refusal has to be cheap: the load that is too much now may be gone in a second. */
export const overloaded = new Overloaded({ retryAfterMillis: 1_000 })

/** What an operator may choose: everything else follows from the event loop. */
export interface Options {
  /** The most in flight and in line together, however fast they go. */
  readonly maxInFlight: number
}

/**
 * The line, and what has come out of it.
 *
 * @example
 * const shed = yield* LoadShed
 * yield* shed.admit(Effect.succeed("an entry")) // => "an entry"
 * shed.inFlight() // => 0
 */
export class LoadShed extends Context.Service<
  LoadShed,
  {
    /** How many may be in flight and in line now, of those whose answer is of use for a second. */
    readonly limit: () => number
    /** How many have been let in and have not ended. */
    readonly inFlight: () => number
    /** How many wait to be let in. */
    readonly waiting: () => number
    /** How many have been refused so far. */
    readonly shed: () => number
    /** Lets `caller` in, puts it in line, or refuses it. Who asks sees to it that {@link leave} is called when it has ended. */
    readonly arrive: (caller: Caller) => Place
    /** Gives the place up: what was let in has ended, or who waited has left. A second time: nothing. */
    readonly leave: (place: Place) => void
    /** Runs `entry` when its turn comes, or fails at once. By the current deadline; it goes on running under it. */
    readonly admit: <A, E, R>(entry: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Overloaded, R>
  }
>()("@portico/edge/LoadShed") {
  /** With the limit that the event loop allows. */
  static readonly layer = ({ maxInFlight }: Options): Layer.Layer<LoadShed, never, EventLoop> =>
    Layer.effect(
      LoadShed,
      Effect.flatMap(EventLoop, (loop) => make({ most: maxInFlight, perTurn: entriesPerTurn, ...loop }))
    )

  /** Counts, and refuses nothing: for where somebody else limits what comes in, and to see what that is worth. */
  static readonly layerUnlimited: Layer.Layer<LoadShed> = Layer.effect(
    LoadShed,
    Effect.suspend(() =>
      make({
        most: Infinity,
        perTurn: Infinity,
        afterTurn: () => {},
        isBehind: () => false,
        shorten: () => {}
      })
    )
  )
}

/** The most in flight and in line where nobody says otherwise: what waits when entries at full capacity all take a second. */
export const maxInFlight = 2_048

/**
 * How many begin in a turn. One costs some 60 us until its requests are sent, so that eight keep a turn under a millisecond.
 * One alone made a twentieth fewer entries of the same time, since nothing shares with it what a turn itself costs; with four
 * batches were smaller, and a hot room with them had a fourteenth fewer; with sixteen p99 of unique rooms was half as long
 * again.
 */
export const entriesPerTurn = 8

/** The part of its time that a caller may have to wait: what is left has to suffice for the answer, on a worse moment too. */
export const worthwhile = 0.7

/**
 * The longest wait where there has been too much for a second: a line is for bursts, and what stands longer is only a wait
 * (`internal/Standing`), and what the collector copies. So long that the collector's pauses do not empty it. At three times
 * the load those let in had p50 of 150 ms with a line of 100 ms and 100 with 50, and as many were served.
 */
export const standingMillis = 50

/** Who has waited for this part of its time is refused after all: it went slower than it seemed when it came. */
export const tooLate = 0.8

/** For how long an answer is of use that nobody says more of, in milliseconds: for the limit as a number. */
const usual = 1_000

const shedTotal = Series.counter("edge_shed_total", "Requests refused because there was too much to do")({})
const underWay = Series.gauge("edge_in_flight", "Requests under way that count against the limit")({})
const inLine = Series.gauge("edge_waiting", "Requests that wait to begin")({})
const allowed = Series.gauge("edge_in_flight_limit", "How many may be under way and wait now")({})
const waits = Series.histogram("edge_wait_seconds", "How long those waited that did not begin at once", Series.seconds)

/** The line at work, and among the metrics. */
const make = (
  options: Pick<LineOptions, "most" | "perTurn" | "afterTurn" | "isBehind" | "shorten">
): Effect.Effect<LoadShed["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const wait = Series.of(waits, {}, yield* Effect.context())
    const line = new Line({
      ...options,
      worthwhile,
      standingMillis,
      tooLate,
      now: () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6,
      waited: (millis) => wait(millis / 1000)
    })
    yield* Series.read(shedTotal, () => ({ count: line.refused, incremental: true }))
    yield* Series.read(underWay, () => ({ value: line.inside }))
    yield* Series.read(inLine, () => ({ value: line.waiting }))
    yield* Series.read(allowed, () => ({ value: line.limit(usual) }))
    yield* Effect.addFinalizer(() => Effect.sync(() => line.close()))
    return LoadShed.of({
      limit: () => line.limit(usual),
      inFlight: () => line.inside,
      waiting: () => line.waiting,
      shed: () => line.refused,
      arrive: (caller) => line.arrive(caller),
      leave: (place) => line.leave(place),
      admit: (entry) => admit(line, entry)
    })
  })

/** At the end of the turn: a thousand who ask again the moment they are refused would keep the loop from coming round. */
const refusal = Effect.andThen(Effect.yieldNow, Effect.fail(overloaded))

const admit = <A, E, R>(line: Line, entry: Effect.Effect<A, E, R>): Effect.Effect<A, E | Overloaded, R> =>
  Effect.withFiber((fiber) => {
    const usefulFor = () => Deadline.left(fiber.getRef(Deadline.Deadline), fiber.getRef(Clock.Clock))
    let place: Place | undefined
    // It arrives once the end is sure to be seen: between any two steps a fiber can yield to others and be interrupted.
    const turn = Effect.callback<void, Overloaded>((resume) => {
      place = line.arrive({ usefulFor, enter: () => resume(Effect.void), refuse: () => resume(refusal) })
    })
    return Effect.onExitPrimitive(Effect.andThen(turn, entry), () => {
      if (place !== undefined) line.leave(place)
      return undefined
    })
  })
