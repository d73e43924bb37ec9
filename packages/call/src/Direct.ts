/**
 * An Effect that can also be begun without a fiber of its own.
 *
 * A call that only waits for something needs no fiber to wait in: whoever composes many begins each in its own name
 * ({@link begin}) and is told. Run like every other Effect it does the same and waits. With a fiber for each of its five
 * calls an entry without sockets took 39 us instead of 28 (packages/room/benchmark/Entry.ts, 2026-11-28).
 *
 * Use it for a call in a hot path that is written without Effects anyway. `Effect.map` and all others make it an ordinary
 * Effect again.
 */
import { Context, Effect, Effectable, type Exit, Fiber } from "effect"
import * as Provenance from "./Provenance.ts"

/** Who begins a call: the fiber in whose name, its context, and where to note how the answer was had. */
export interface Caller<R = never> {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly context: Context.Context<R>
  readonly trail: Provenance.Trail | undefined
}

/**
 * Who waits for a call. Objects, here and below, and no functions: whatever stands between a call and who waits for it is
 * both, and one object. With functions for each, and what they close over, half as much again survived a young collection
 * under load (apps/bench/NOTES.md).
 */
export interface Asker<A, E> {
  /** Tells how the call ended, once. */
  readonly tell: (exit: Exit.Exit<A, E>) => void
}

/** A call that has begun. */
export interface Begun {
  /** Ends it at once; what it gives waits until nothing of it is left. Nothing where it has ended already, or been ended. */
  readonly end: () => Effect.Effect<void>
}

/**
 * Begins a call. The asker is told once, perhaps before it returns, unless the call was ended before. Must not throw: what
 * others throw is a defect of the exit.
 */
export interface Begin<A, E, R> {
  (caller: Caller<R>, asker: Asker<A, E>): Begun
}

/**
 * How many milliseconds it takes as a rule, as far as is known; 0 where nothing is. Whoever begins several at once begins
 * with the longest: what is begun last is sent that much later. Must not throw.
 */
export interface Usual<R> {
  (context: Context.Context<R>): number
}

/** What has ended. */
export const ended: Begun = { end: () => Effect.void }

/** Tells at once what is known already. */
export const tell = <X>(asker: { readonly tell: (exit: X) => void }, exit: X): Begun => {
  asker.tell(exit)
  return ended
}

/** The Effect: {@link make} makes one of functions; a class of its own is one object. */
export abstract class Direct<A, E = never, R = never> extends Effectable.Class<A, E, R> {
  /** As {@link Begin} says. */
  abstract begin(caller: Caller<R>, asker: Asker<A, E>): Begun

  /** As {@link Usual} says. */
  abstract usualMillis(context: Context.Context<R>): number

  /** Begins it in the name of the fiber that runs it, and waits. */
  override asEffect(): Effect.Effect<A, E, R> {
    return Effect.contextWith((context: Context.Context<R>) =>
      Effect.withFiber((fiber) => {
        const caller = { fiber, context, trail: fiber.getRef(Provenance.CurrentTrail) }
        // Begun once its end is sure to be seen: between any two steps a fiber can be interrupted.
        return Effect.callback<A, E>((resume) => {
          const begun = this.begin(caller, { tell: resume })
          return Effect.suspend(() => begun.end())
        })
      })
    )
  }
}

/**
 * The Effect of a way to begin it.
 *
 * @example
 * const there = Direct.make<string>((_caller, asker) => Direct.tell(asker, Exit.succeed("there")))
 * yield* there // => "there"
 */
export const make = <A, E = never, R = never>(
  begin: Begin<A, E, R>,
  usualMillis: Usual<R> = unknown
): Direct<A, E, R> => new Made(begin, usualMillis)

class Made<A, E, R> extends Direct<A, E, R> {
  private readonly how: Begin<A, E, R>
  private readonly usual: Usual<R>

  constructor(begin: Begin<A, E, R>, usualMillis: Usual<R>) {
    super()
    this.how = begin
    this.usual = usualMillis
  }

  override begin(caller: Caller<R>, asker: Asker<A, E>): Begun {
    return this.how(caller, asker)
  }

  override usualMillis(context: Context.Context<R>): number {
    return this.usual(context)
  }
}

const unknown = () => 0

/** Whether an Effect can be begun without a fiber. */
export const isDirect = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Direct<A, E, R> => effect instanceof Direct

/** Begins any Effect in the caller's name: by a fiber of its own where it needs one. */
export const begin = <A, E, R>(effect: Effect.Effect<A, E, R>, caller: Caller<R>, asker: Asker<A, E>): Begun => {
  if (isDirect(effect)) return effect.begin(caller, asker)
  const { context, trail } = caller
  const own = trail === undefined ? context : Context.add(context, Provenance.CurrentTrail, trail)
  return awaited(Effect.runForkWith(own)(effect), asker)
}

/** Waits for a fiber: its end is the fiber's interruption. */
export const awaited = <A, E>(fiber: Fiber.Fiber<A, E>, asker: Asker<A, E>): Begun => {
  const exit = fiber.pollUnsafe()
  if (exit !== undefined) return tell(asker, exit)
  const forget = fiber.addObserver((exit) => asker.tell(exit))
  return {
    end: () => {
      forget()
      fiber.interruptUnsafe()
      return Effect.asVoid(Fiber.await(fiber))
    }
  }
}
