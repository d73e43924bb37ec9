/**
 * Remembers answers: while they are fresh nobody asks again, and when asking fails an older one is better than none.
 *
 * Fresh for a time with 5 % of jitter, so that what was learnt at once is not forgotten at once. Kept longer, as the last good
 * answer with its age, for whoever would rather have it than an error: that is asked for ({@link Freshness.lastGood}), never
 * given in silence. An error of the domain (no such room) is an answer too and is remembered briefly, apart from the good
 * ones, so that a flood of made-up ids cannot push them out. Bounded in entries: the oldest goes first, which is also the
 * first to expire.
 *
 * Put a Coalesce under it, so that an answer that expired is fetched once and not by everybody (no stampede).
 */
import * as Provenance from "@portico/call/Provenance"
import { Cause, Clock, Duration, Effect, Exit, Option, Random } from "effect"
import * as UpstreamError from "./UpstreamError.ts"

/** A good answer from before, and its age. */
export interface LastGood<A> {
  readonly value: A
  readonly ageMillis: number
}

export interface Freshness<A, E> {
  /** The fresh answer of `key`, or else what `call` brings, which is remembered. */
  readonly around: <R>(key: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The last good answer of `key`, if it is not older than `staleFor`. */
  readonly lastGood: (key: string) => Effect.Effect<Option.Option<LastGood<A>>>
  /** How many answers are remembered. */
  readonly size: () => number
}

export interface Options {
  /** How long an answer is fresh. Zero: never, it is only kept as the last good one. */
  readonly freshFor: Duration.Input
  /** How long an answer may stand in for one that could not be had. */
  readonly staleFor: Duration.Input
  /** How long an error of the domain is remembered. */
  readonly notFoundFor: Duration.Input
  /** How many good answers are kept at most, and how many errors. */
  readonly capacity: number
  readonly onHit?: () => void
}

/** The capacity of 10,000 answers of a kilobyte is some 10 MB an upstream. */
export const defaults = { freshFor: 0, staleFor: 0, notFoundFor: "1 second", capacity: 10_000 } satisfies Options

interface Remembered<A> {
  readonly value: A
  readonly at: number
  readonly freshUntil: number
}

export const make = <A, E>(options: Options): Freshness<A, E> => {
  const freshFor = millis(options.freshFor)
  const staleFor = millis(options.staleFor)
  const notFoundFor = Math.min(freshFor, millis(options.notFoundFor))
  const { capacity, onHit } = options
  const good = new Map<string, Remembered<A>>()
  const notFound = new Map<string, Remembered<Effect.Effect<never, E>>>()

  const remember = <V>(kept: Map<string, Remembered<V>>, key: string, remembered: Remembered<V>) => {
    // A key that is written again becomes the youngest.
    kept.delete(key)
    kept.set(key, remembered)
    if (kept.size <= capacity) return
    for (const oldest of kept.keys()) {
      kept.delete(oldest)
      break
    }
  }

  const learn = (key: string, exit: Exit.Exit<A, E>, now: number, random: Random.Random) => {
    if (Exit.isSuccess(exit)) {
      // The callers of one flight bring the same answer.
      const known = good.get(key)
      if (known !== undefined && known.value === exit.value && now < known.freshUntil) return
      notFound.delete(key)
      return remember(good, key, { value: exit.value, at: now, freshUntil: now + jittered(freshFor, random) })
    }
    const failure = exit.cause.reasons.find(Cause.isFailReason)
    if (failure === undefined || UpstreamError.is(failure.error)) return
    // What was there before is there no longer.
    good.delete(key)
    if (notFoundFor === 0) return
    remember(notFound, key, { value: Effect.fail(failure.error), at: now, freshUntil: now + notFoundFor })
  }

  return {
    around: (key, call) =>
      Effect.withFiber((fiber) => {
        const clock = fiber.getRef(Clock.Clock)
        const now = clock.currentTimeMillisUnsafe()
        const known = fresh(good, key, now)
        const absent = known === undefined ? fresh(notFound, key, now) : undefined
        if (known !== undefined || absent !== undefined) {
          Provenance.noteUnsafe(fiber, "cached")
          onHit?.()
        }
        if (known !== undefined) return Effect.succeed(known.value)
        if (absent !== undefined) return absent.value
        return Effect.onExitPrimitive(call, (exit) => {
          learn(key, exit, clock.currentTimeMillisUnsafe(), fiber.getRef(Random.Random))
          return undefined
        })
      }),
    lastGood: (key) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const known = good.get(key)
        if (known === undefined || now - known.at > staleFor) return Option.none()
        return Option.some({ value: known.value, ageMillis: now - known.at })
      }),
    size: () => good.size + notFound.size
  }
}

const fresh = <V>(kept: ReadonlyMap<string, Remembered<V>>, key: string, now: number): Remembered<V> | undefined => {
  const remembered = kept.get(key)
  return remembered !== undefined && now < remembered.freshUntil ? remembered : undefined
}

const jittered = (duration: number, random: Random.Random): number =>
  duration * (0.95 + 0.1 * random.nextDoubleUnsafe())

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))
