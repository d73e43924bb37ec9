/**
 * Refuses work that would come too late for everybody, so that what is let in is still answered in time.
 *
 * A limit on entries in flight, found by watching. Envoy's gradient and Netflix's concurrency-limits watch latency; here
 * that would misread the common fault: an entry's latency is mostly its upstreams', and when one of them goes from 50 ms
 * to the deadline nothing is wrong with this process, which only waits. That case has its own bounds: the deadline, the
 * upstream's breaker and bulkhead, and the most in flight. What says that the process itself has too much to do is the
 * time its event loop takes for a turn, as it is the processor for go-zero and for Kratos' BBR. So the gradient is of
 * turns, and the latency of entries is not looked at at all:
 *
 * - One late turn is a garbage collection or a page of documentation; it takes two in a row, since, as CoDel says it, what
 *   stands is a queue and what passes is a burst. Then the limit becomes what was in flight, times wanted over actual turn,
 *   at most halved at a time and never under {@link floor}, from where it can find back.
 * - While turns are short the limit grows, the faster the shorter they are. A slow upstream leaves turns short, so the
 *   limit keeps ahead of the entries that pile up; near saturation it creeps.
 * - It grows only while it is used, to twice what is in flight, and shrinks back to {@link atRest} when it is not. A limit
 *   that grew to its most while nobody came would let the first burst in whole, and that is one turn of a second or two.
 *
 * Two samples, some 25 ms apart, are what it takes to come down, and a second or two to grow over all of its range.
 *
 * Use {@link LoadShed.admit} around whatever costs enough to be refused; health routes do without.
 */
import * as Series from "@portico/call/Series"
import { Context, Data, Effect, Layer, type Scope } from "effect"
import { EventLoop } from "./EventLoop.ts"

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
  /** The most in flight, whatever the loop says. */
  readonly maxInFlight: number
}

/**
 * The limit, and what runs under it.
 *
 * @example
 * const shed = yield* LoadShed
 * yield* shed.admit(Effect.succeed("an entry")) // => "an entry"
 * shed.inFlight() // => 0
 */
export class LoadShed extends Context.Service<
  LoadShed,
  {
    /** How many may be in flight now. */
    readonly limit: () => number
    /** How many are in flight now. */
    readonly inFlight: () => number
    /** How many have been refused so far. */
    readonly shed: () => number
    /** Whether one that came now would be refused; if so it is counted. For whoever can refuse cheaper than an Effect. */
    readonly refuses: () => boolean
    /** Runs `entry` if there is room for it, else fails at once. */
    readonly admit: <A, E, R>(entry: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Overloaded, R>
  }
>()("@portico/edge/LoadShed") {
  /** With the limit that the event loop allows. */
  static readonly layer = ({ maxInFlight }: Options): Layer.Layer<LoadShed, never, EventLoop> =>
    Layer.effect(
      LoadShed,
      Effect.gen(function* () {
        const gauge = makeGauge(Math.min(atRest, maxInFlight))
        yield* adapt(gauge, maxInFlight)
        return yield* shown(gauge)
      })
    )

  /** Counts, and refuses nothing: for where somebody else limits what comes in, and to see what that is worth. */
  static readonly layerUnlimited: Layer.Layer<LoadShed> = Layer.effect(
    LoadShed,
    Effect.suspend(() => shown(makeGauge(Infinity)))
  )
}

/**
 * The limit never falls under this. It has to let some in to see whether the loop has recovered, and where turns are long
 * for another reason, as when other processes take the core, that is what is still served: so many take it 50 ms or so.
 */
export const floor = 64

/** The limit where nothing has been learned: a burst of so many, all at once and all cold, is a turn of half a second. */
export const atRest = 256

/** The most in flight where nobody says otherwise: what waits when entries at full capacity all take a second. */
export const maxInFlight = 2_048

/**
 * The longest turn that is well, in milliseconds. An entry goes through four or five of them, so that it is late by a quarter
 * of the second that it has. Shorter ones refuse who could be served: with 30 ms, of 256 clients at once, all of whom had
 * their answer in a tenth of a second, some were turned away. With longer ones, 80 ms, some had none within two seconds.
 */
export const wantedTurn = 50

/** The pause between two looks at the loop. */
const pause = "25 millis"

interface Gauge {
  limit: number
  inFlight: number
  shed: number
  /** The most in flight since the last look. */
  peak: number
}

const makeGauge = (limit: number): Gauge => ({ limit, inFlight: 0, shed: 0, peak: 0 })

const adapt = (gauge: Gauge, most: number): Effect.Effect<void, never, EventLoop | Scope.Scope> =>
  Effect.gen(function* () {
    const loop = yield* EventLoop
    let before = 0
    const look = Effect.map(loop.turn, (turn) => {
      gauge.limit = next(gauge, most, Math.min(before, turn), Math.max(before, turn))
      gauge.peak = gauge.inFlight
      before = turn
    })
    yield* Effect.forkScoped(Effect.forever(Effect.delay(look, pause)))
  })

/** The next limit, after the shorter and the longer of the last two turns. */
const next = ({ limit, peak }: Gauge, most: number, shorter: number, longer: number): number => {
  const least = Math.min(floor, most)
  const rest = Math.min(atRest, most)
  if (shorter > wantedTurn) return Math.max(least, Math.min(limit, peak) * Math.max(0.5, wantedTurn / shorter))
  if (longer > wantedTurn) return limit
  if (limit < rest || peak * 2 > limit) return Math.min(most, limit * (1 + 0.25 * (1 - longer / wantedTurn)))
  return Math.max(rest, limit * 0.98)
}

const shedTotal = Series.counter("edge_shed_total", "Requests refused because there was too much to do")({})
const underWay = Series.gauge("edge_in_flight", "Requests under way that count against the limit")({})
const allowed = Series.gauge("edge_in_flight_limit", "How many may be under way now")({})

/** The gauge at work, and among the metrics. */
const shown = (gauge: Gauge): Effect.Effect<LoadShed["Service"], never, Scope.Scope> =>
  Effect.gen(function* () {
    const shed = ofGauge(gauge)
    yield* Series.read(shedTotal, () => ({ count: shed.shed(), incremental: true }))
    yield* Series.read(underWay, () => ({ value: shed.inFlight() }))
    yield* Series.read(allowed, () => ({ value: shed.limit() }))
    return shed
  })

const ofGauge = (gauge: Gauge): LoadShed["Service"] => {
  const refusal = Effect.fail(overloaded)
  const refuses = () => {
    if (gauge.inFlight + 1 <= gauge.limit) return false
    gauge.shed++
    return true
  }
  return LoadShed.of({
    limit: () => Math.floor(gauge.limit),
    inFlight: () => gauge.inFlight,
    shed: () => gauge.shed,
    refuses,
    admit: <A, E, R>(entry: Effect.Effect<A, E, R>) =>
      Effect.suspend(() => {
        // Counted in the step that asks, and only once the end is sure to be seen: between any two steps a fiber can yield
        // to others and be interrupted.
        let entered = false
        return Effect.onExitPrimitive(
          Effect.suspend((): Effect.Effect<A, E | Overloaded, R> => {
            if (refuses()) return refusal
            entered = true
            gauge.inFlight++
            gauge.peak = Math.max(gauge.peak, gauge.inFlight)
            return entry
          }),
          () => {
            if (entered) gauge.inFlight--
            return undefined
          }
        )
      })
  })
}
