/** The decisions of {@link Freshness}, without Effect: what is fresh, what is remembered, and for how long. */
import { Cause, Duration, Exit, Option, type Random } from "effect"
import type * as Freshness from "../Freshness.ts"
import * as UpstreamError from "../UpstreamError.ts"
import { type Ask, type Asker, tried } from "./Ask.ts"
import type { Call } from "./Call.ts"
import { type Reading, valueIn } from "./Reading.ts"
import { Shelf } from "./Shelf.ts"
import type { Store } from "./Store.ts"

/** Learns an `I`, and knows it as an `A`. */
export interface Memory<A, E, I = A> {
  /** The fresh answer of `key`, or the error that is remembered of it. */
  readonly known: (key: string, now: number) => Exit.Exit<A, E> | undefined
  readonly learn: (key: string, exit: Exit.Exit<I, E>, now: number, random: Random.Random) => void
  readonly lastGood: (key: string, now: number) => Option.Option<Freshness.LastGood<A>>
  readonly size: () => number
}

/** How long good answers are kept, at most. */
export const keepMillis = ({ freshFor, staleFor }: Freshness.Options): number =>
  Math.max(millis(freshFor) * 1.05, millis(staleFor))

/** A memory whose good answers are in `good`. */
export const make = <A, E, I>(
  options: Freshness.Options,
  good: Store<Exit.Exit<A, E>, Exit.Success<I, E>>
): Memory<A, E, I> => {
  const freshFor = millis(options.freshFor)
  const staleFor = millis(options.staleFor)
  const notFoundFor = Math.min(freshFor, millis(options.notFoundFor))
  const { capacity, onHit, isAnswer = isNoFailureOfAnUpstream } = options
  const notFound = new Shelf<Exit.Exit<never, E>>(capacity, notFoundFor)

  const freshIn = (key: string, now: number): Exit.Exit<A, E> | undefined => {
    const known = good.get(key)
    const answer = known !== undefined && now < known.freshUntil ? known.value : undefined
    // What cannot be read again is as good as not kept.
    if (answer !== undefined && Exit.isSuccess(answer)) return answer
    const absent = notFound.get(key)
    return absent !== undefined && now < absent.freshUntil ? absent.value : undefined
  }

  return {
    known: (key, now) => {
      const answer = freshIn(key, now)
      if (answer !== undefined) onHit?.(answer)
      return answer
    },
    learn: (key, exit, now, random) => {
      if (Exit.isSuccess(exit)) {
        notFound.delete(key)
        return good.put(key, exit, now + jittered(freshFor, random), now)
      }
      const failure = exit.cause.reasons.find(Cause.isFailReason)
      if (failure === undefined || tried(() => isAnswer(failure.error)) !== true) return
      // What was there before is there no longer.
      good.delete(key)
      if (notFoundFor > 0) notFound.put(key, Exit.fail(failure.error), now + notFoundFor, now)
    },
    lastGood: (key, now) => {
      const known = good.get(key)
      if (known === undefined || now - known.at > staleFor) return Option.none()
      return Option.map(Exit.getSuccess(known.value), (value) => ({ value, ageMillis: now - known.at }))
    },
    size: () => good.size + notFound.size
  }
}

/** Remembers what a flight brings, once for all its callers, and brings them the value. */
export const learning =
  <Q extends { readonly key: string }, A, E>(
    memory: Memory<A, E, Reading<A>>,
    ask: Ask<Q, Reading<A>, E>
  ): Ask<Q, A, E> =>
  (call, asker) =>
    ask(call, new Learning(memory, call, asker))

class Learning<A, E> implements Asker<Reading<A>, E> {
  private readonly memory: Memory<A, E, Reading<A>>
  private readonly call: Call<{ readonly key: string }>
  private readonly asker: Asker<A, E>

  constructor(memory: Memory<A, E, Reading<A>>, call: Call<{ readonly key: string }>, asker: Asker<A, E>) {
    this.memory = memory
    this.call = call
    this.asker = asker
  }

  tell(exit: Exit.Exit<Reading<A>, E>): void {
    const { question, surroundings } = this.call
    const { clock, random } = surroundings
    this.memory.learn(question.key, exit, clock.currentTimeMillisUnsafe(), random)
    this.asker.tell(valueIn(exit))
  }
}

const isNoFailureOfAnUpstream = (error: unknown): boolean => !UpstreamError.is(error)

const jittered = (duration: number, random: Random.Random): number =>
  duration * (0.95 + 0.1 * random.nextDoubleUnsafe())

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))
