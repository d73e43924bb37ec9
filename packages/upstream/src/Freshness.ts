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
import { Clock, type Duration, Effect, type Exit, type Option, Random } from "effect"
import * as Memory from "./internal/Memory.ts"
import { Shelf } from "./internal/Shelf.ts"

/** A good answer from before, and its age. */
export interface LastGood<A> {
  readonly value: A
  readonly ageMillis: number
}

/** Answers by key, and the ways to use them. */
export interface Freshness<A, E> {
  /** The fresh answer of `key`, or else what `call` brings, which is remembered. */
  readonly around: <R>(key: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The first half of {@link around}: the fresh answer of `key`, or the error that is remembered of it. */
  readonly known: (key: string, now: number) => Exit.Exit<A, E> | undefined
  /** The second half: remembers what `call` brings. Inside a flight it is done once for all callers. */
  readonly learning: <R>(key: string, call: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** Remembers what was brought already. */
  readonly learn: (key: string, exit: Exit.Exit<A, E>, now: number, random: Random.Random) => void
  /** The last good answer of `key`, if it is not older than `staleFor`. */
  readonly lastGood: (key: string) => Effect.Effect<Option.Option<LastGood<A>>>
  /** How many answers are remembered. */
  readonly size: () => number
}

/** How long, and how much, is remembered. */
export interface Options {
  /** How long an answer is fresh. Zero: never, it is only kept as the last good one. */
  readonly freshFor: Duration.Input
  /** How long an answer may stand in for one that could not be had. */
  readonly staleFor: Duration.Input
  /** How long an error of the domain is remembered. */
  readonly notFoundFor: Duration.Input
  /** How many good answers are kept at most, and how many errors. */
  readonly capacity: number
  /**
   * Which errors are answers of the domain, as "there is no such thing" is: they end what was known. Unless said otherwise all
   * that are no upstream's failure. Of the others, and of one of which it throws, nothing is learnt.
   */
  readonly isAnswer?: (error: unknown) => boolean
  /** Called for each call that is answered from memory, with what it is answered: a remembered error too. */
  readonly onHit?: (exit: Exit.Exit<unknown, unknown>) => void
}

/** The capacity of 10,000 answers of a kilobyte is some 10 MB an upstream. */
export const defaults = { freshFor: 0, staleFor: 0, notFoundFor: "1 second", capacity: 10_000 } satisfies Options

/**
 * An empty memory. It has no timer: what has expired is noticed when it is looked at, and goes as others come.
 *
 * @example
 * const memory = Freshness.make<number, UpstreamError>({ ...Freshness.defaults, freshFor: "1 minute" })
 * yield* memory.around("tea", Effect.succeed(499)) // => 499
 * yield* memory.around("tea", Effect.succeed(599)) // => 499
 */
export const make = <A, E>(options: Options): Freshness<A, E> => {
  const good = new Shelf<Exit.Exit<A, E>>(options.capacity, Memory.keepMillis(options))
  const { known, learn, lastGood, size } = Memory.make<A, E, A>(options, good)

  const learning: Freshness<A, E>["learning"] = (key, call) =>
    Effect.withFiber((fiber) =>
      Effect.onExitPrimitive(call, (exit) => {
        learn(key, exit, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), fiber.getRef(Random.Random))
        return undefined
      })
    )

  return {
    around: (key, call) =>
      Effect.withFiber((fiber) => {
        const answer = known(key, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        if (answer === undefined) return learning(key, call)
        Provenance.noteUnsafe(fiber, "cached")
        return answer
      }),
    known,
    learning,
    learn,
    lastGood: (key) => Effect.map(Clock.currentTimeMillis, (now) => lastGood(key, now)),
    size
  }
}
