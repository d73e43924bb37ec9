/**
 * Another attempt after one that failed, if it may help, is paid for and can still be in time.
 *
 * Use it for idempotent calls. It retries what is {@link UpstreamError.retryable} unless told otherwise, after a back-off
 * with full jitter (a random time up to a bound that doubles: it spreads a herd better than a fixed or half-random one, see
 * Brooker, "Exponential Backoff And Jitter"), or after what `Retry-After` asks for, whichever is longer. It gives up with the
 * last error when the budget does not pay, when the attempts are used up, or when the wait would outlast the deadline.
 *
 * A call that succeeds at once pays for one comparison: everything else lies on the path of failure.
 */
import * as Deadline from "@portico/call/Deadline"
import * as Alarm from "@portico/call/Alarm"
import { Cause, Clock, Duration, Effect, Exit, Random } from "effect"
import * as Ask from "./internal/Ask.ts"
import * as Call from "./internal/Call.ts"
import type { Stackable } from "./Policy.ts"
import type { RetryBudget } from "./RetryBudget.ts"
import * as UpstreamError from "./UpstreamError.ts"

/** How often, how soon, and for what. */
export interface Options {
  /** How many attempts beyond the first. */
  readonly times: number
  /** What pays for extra attempts; shared by all that retry the same upstream. */
  readonly budget: RetryBudget
  /** The bound of the first back-off; it doubles with each. 25 milliseconds unless said otherwise. */
  readonly base?: Duration.Input
  /** The bound that the back-off does not grow beyond. 1 second unless said otherwise. */
  readonly cap?: Duration.Input
  /** Which errors another attempt may help. */
  readonly retryable?: (error: unknown) => boolean
  /** Called for each extra attempt, before its back-off. */
  readonly onRetry?: () => void
  /** Called when an attempt might have helped and could not be paid. */
  readonly onExhausted?: () => void
}

/**
 * The policy. Put it inside the breaker, to which a call that a retry saved is a good one.
 *
 * @example
 * let asked = 0
 * const call = Effect.suspend(() => (++asked < 3 ? Effect.fail("busy") : Effect.succeed(asked)))
 * const retry = Retry.make({ times: 2, budget: RetryBudget.infinite, retryable: () => true })
 * yield* retry(call) // => 3
 */
export const make = (options: Options): Stackable => {
  const { times, budget, retryable = isRetryable, onRetry, onExhausted } = options
  const base = Duration.toMillis(Duration.fromInputUnsafe(options.base ?? "25 millis"))
  const cap = Duration.toMillis(Duration.fromInputUnsafe(options.cap ?? "1 second"))

  const pause: Pause = (error, tried, until, clock, random) => {
    if (tried > times || !retryable(error)) return undefined
    const jittered = Math.ceil(random.nextDoubleUnsafe() * Math.min(cap, base * 2 ** (tried - 1)))
    const wait = Math.max(jittered, askedToWait(error))
    if (wait >= Deadline.left(until, clock)) return undefined
    if (!budget.tryWithdraw(clock.currentTimeMillisUnsafe())) {
      onExhausted?.()
      return undefined
    }
    onRetry?.()
    return wait
  }

  const attempt = <A, E, R>(call: Effect.Effect<A, E, R>, tried: number): Effect.Effect<A, E, R> =>
    Effect.catch(call, (error) =>
      Effect.withFiber((fiber) => {
        const until = lived(fiber.getRef(Deadline.Deadline), fiber.getRef(Call.WaitedUntil)())
        const wait = pause(error, tried, until, fiber.getRef(Clock.Clock), fiber.getRef(Random.Random))
        return wait === undefined ? Effect.fail(error) : Effect.andThen(Effect.sleep(wait), attempt(call, tried + 1))
      })
    )

  const policy = <A, E, R>(call: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => {
      budget.deposit(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
      return attempt(call, 1)
    })

  const around: Ask.Around = (ask) => (call, asker) => {
    budget.deposit(call.surroundings.clock.currentTimeMillisUnsafe())
    const retrying = new Retrying(ask, call, asker, pause)
    retrying.ring()
    return retrying
  }

  return Object.assign(policy, { around })
}

/** How long to wait before the next attempt, in whole milliseconds as timers are; undefined: there is none. */
interface Pause {
  (error: unknown, tried: number, until: number, clock: Clock.Clock, random: Random.Random): number | undefined
}

/** A call and its attempts, of which one is under way at a time, or none: then it is rung for the next. */
class Retrying<Q, A, E> implements Ask.Asker<A, E>, Ask.Begun, Alarm.Sleeper {
  private readonly ask: Ask.Ask<Q, A, E>
  private readonly call: Call.Call<Q>
  private readonly asker: Ask.Asker<A, E>
  private readonly pause: Pause
  private tried = 0
  private begun = Ask.ended
  private left = false
  private alarm: Alarm.Alarm | undefined

  constructor(ask: Ask.Ask<Q, A, E>, call: Call.Call<Q>, asker: Ask.Asker<A, E>, pause: Pause) {
    this.ask = ask
    this.call = call
    this.asker = asker
    this.pause = pause
  }

  ring(): void {
    const nth = ++this.tried
    const begun = this.ask(this.call, this)
    // The caller may have left meanwhile; and one that failed at once may have been followed by another already.
    if (this.left) void begun.end()
    else if (nth === this.tried) this.begun = begun
  }

  tell(exit: Exit.Exit<A, E>): void {
    const failure = Exit.isSuccess(exit) ? undefined : exit.cause.reasons.find(Cause.isFailReason)
    if (failure === undefined) return this.asker.tell(exit)
    const { call } = this
    const { clock, random } = call.surroundings
    const wait = this.pause(failure.error, this.tried, lived(call.until, call.waitedUntil()), clock, random)
    if (wait === undefined) return this.asker.tell(exit)
    this.alarm = Alarm.set(call.surroundings, clock.currentTimeMillisUnsafe() + wait, this)
  }

  end(): Effect.Effect<void> {
    this.left = true
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    return this.begun.end()
  }
}

/** Shared work may outlast all who wait for it: what they would not live to see is not begun, and they get the reason. */
const lived = (deadline: number, waitedUntil: number): number => Math.min(deadline, waitedUntil)

const isRetryable = (error: unknown): boolean => UpstreamError.is(error) && error.retryable

const askedToWait = (error: unknown): number => (UpstreamError.is(error) ? (error.retryAfterMillis ?? 0) : 0)
