/**
 * Concurrent calls for single ids become one request for many.
 *
 * The first call opens a batch; those that come within the window, or until it is full, join it; then it is sent. A call
 * whose id the answer leaves out, or brings spoilt, fails alone; a batch that fails as a whole fails each of its calls. The
 * batch belongs to nobody: a caller that leaves is only forgotten, and the request is interrupted when the last has left. It
 * runs under the latest deadline of its callers.
 *
 * Effect's RequestResolver batches as well, but what it has sent runs on when every caller has left.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Clock, Duration, Effect, Exit, Fiber, type Scope } from "effect"
import * as SharedWork from "./internal/SharedWork.ts"

/** Asks for one input, together with whoever asks at the same time. */
export interface Batch<I, A, E> {
  /** Joins the batch that is gathering, or opens one. */
  (input: I): Effect.Effect<A, E>
  /** How many batches are gathering or under way. */
  readonly size: () => number
}

/** How inputs become requests. */
export interface Options<I, A, E, R, E2> {
  /** Only inputs of one group can be asked for together. */
  readonly group: (input: I) => string
  /** Asks for all inputs at once, and tells what the answer says of each. */
  readonly call: (inputs: ReadonlyArray<I>) => Effect.Effect<(input: I) => Effect.Effect<A, E>, E2, R>
  /** How long the first waits for others: 1 millisecond unless said otherwise. */
  readonly window?: Duration.Input
  /** How many inputs go into one request: 100 unless said otherwise. */
  readonly max?: number
  /** Called for each batch that is sent, with its size. */
  readonly onSend?: (size: number) => void
}

interface Waiter<I, A, E> {
  readonly input: I
  readonly caller: Fiber.Fiber<unknown, unknown>
  readonly until: number
  readonly waitedUntil: () => number
  readonly resume: (outcome: Effect.Effect<A, E>) => void
}

/** Calls that go out together. They leave as they are answered, or before. */
interface Together<I, A, E, E2> {
  readonly group: string
  readonly waiters: Set<Waiter<I, A, E | E2>>
  alarm: Alarm.Alarm | undefined
  request: Fiber.Fiber<(input: I) => Effect.Effect<A, E>, E2> | undefined
}

/**
 * Begins without any batch; batches still under way when the scope closes are interrupted. Make it once for an upstream: only
 * calls of one batcher meet.
 *
 * @example
 * const price = yield* Batch.make({
 *   group: (_item: string) => "",
 *   call: (items) => Effect.succeed((item) => Effect.succeed(`${item}: one of ${items.length}`))
 * })
 * const both = yield* Effect.all([price("tea"), price("salt")], { concurrency: 2 })
 * both // => ["tea: one of 2", "salt: one of 2"]
 */
export const make = <I, A, E, R, E2>(
  options: Options<I, A, E, R, E2>
): Effect.Effect<Batch<I, A, E | E2>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    type Batched = Together<I, A, E, E2>
    const context = yield* Effect.context<R>()
    const window = Duration.toMillis(Duration.fromInputUnsafe(options.window ?? "1 millis"))
    const max = options.max ?? 100
    const gathering = new Map<string, Batched>()
    const all = new Set<Batched>()
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => Effect.forEach(Array.from(all), cancel, { concurrency: "unbounded", discard: true }))
    )

    const open = (group: string, opener: Fiber.Fiber<unknown, unknown>): Batched => {
      const batch: Batched = { group, waiters: new Set(), alarm: undefined, request: undefined }
      const now = opener.getRef(Clock.Clock).currentTimeMillisUnsafe()
      batch.alarm = Alarm.set(opener, now + window, () => send(batch))
      gathering.set(group, batch)
      all.add(batch)
      return batch
    }

    const send = (batch: Batched) => {
      stopGathering(batch)
      const waiters = Array.from(batch.waiters)
      // The first of those who are still there: of a fiber that has ended nothing is known.
      const [first] = waiters
      if (first === undefined) return
      options.onSend?.(waiters.length)
      const deadline = waiters.reduce((latest, { until }) => Math.max(latest, until), 0)
      const waitedUntil = () =>
        Math.max(...Array.from(batch.waiters, ({ until, waitedUntil }) => Math.min(until, waitedUntil())))
      const run = Effect.runForkWith(SharedWork.contextFor(context, first.caller, deadline, waitedUntil))
      // Suspended: what is thrown here would be lost, and with it whatever the same alarm or fiber had still to do.
      batch.request = run(Effect.suspend(() => options.call(waiters.map(({ input }) => input))))
      batch.request.addObserver((exit) => {
        all.delete(batch)
        for (const { input, resume } of batch.waiters) {
          resume(Exit.isSuccess(exit) ? Effect.suspend(() => exit.value(input)) : Effect.failCause(exit.cause))
        }
        batch.waiters.clear()
      })
    }

    const stopGathering = (batch: Batched) => {
      if (gathering.get(batch.group) === batch) gathering.delete(batch.group)
      if (batch.alarm !== undefined) Alarm.cancel(batch.alarm)
    }

    /** Nobody waits for it any longer. A newcomer opens another. */
    const end = (batch: Batched): Effect.Effect<void> => {
      stopGathering(batch)
      if (batch.request !== undefined) return Fiber.interrupt(batch.request)
      all.delete(batch)
      return Effect.void
    }

    /** Ends it for those who do wait. */
    const cancel = (batch: Batched): Effect.Effect<void> => {
      const ended = end(batch)
      if (batch.request === undefined) for (const { resume } of batch.waiters) resume(Effect.interrupt)
      return ended
    }

    const join = (input: I): Effect.Effect<A, E | E2> =>
      Effect.withFiber((caller) =>
        Effect.callback<A, E | E2>((resume) => {
          const group = options.group(input)
          const batch = gathering.get(group) ?? open(group, caller)
          const waiter = {
            input,
            caller,
            until: caller.getRef(Deadline.Deadline),
            waitedUntil: caller.getRef(SharedWork.WaitedUntil),
            resume
          }
          batch.waiters.add(waiter)
          if (batch.waiters.size >= max) send(batch)
          return Effect.suspend(() => {
            batch.waiters.delete(waiter)
            return batch.waiters.size === 0 ? end(batch) : Effect.void
          })
        })
      )

    return Object.assign(join, { size: () => all.size })
  })
