/**
 * The batches of {@link Batch}: who waits for which request. What a batch does is an Ask, so that one that is no Effect needs
 * no fiber.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Direct from "@portico/call/Direct"
import { Duration, Effect, Exit, Random, type Scope } from "effect"
import type * as Batch from "../Batch.ts"
import * as Ask from "./Ask.ts"
import * as Call from "./Call.ts"
import { hashOf, Table } from "./Table.ts"

export interface Options<I, A, E, E2> extends Omit<Batch.Options<I, A, E, never, E2>, "call"> {
  readonly ask: Ask.Ask<ReadonlyArray<I>, (input: I) => Effect.Effect<A, E>, E2>
}

export interface Batches<I, A, E> {
  readonly ask: Ask.Ask<I, A, E>
  readonly size: () => number
}

/** Calls that go out together. They leave as they are answered, or before. */
interface Together<I, A, E> {
  readonly group: string
  readonly waiters: Set<Waiter<I, A, E>>
  alarm: Alarm.Alarm | undefined
  /** The request; undefined until it is sent. */
  sent: Ask.Begun | undefined
}

/** Ends a batch that nobody waits for any longer. */
interface Cancel<I, A, E> {
  (batch: Together<I, A, E>): Effect.Effect<void>
}

/** A caller, until what the answer says of it is read. */
class Waiter<I, A, E> implements Ask.Begun {
  readonly call: Call.Call<I>
  readonly asker: Ask.Asker<A, E>
  batch: Together<I, A, E> | undefined
  /** Of its part of the answer. */
  reading = Ask.ended
  private readonly cancel: Cancel<I, A, E>

  constructor(call: Call.Call<I>, asker: Ask.Asker<A, E>, cancel: Cancel<I, A, E>) {
    this.call = call
    this.asker = asker
    this.cancel = cancel
  }

  end(): Effect.Effect<void> {
    const { batch } = this
    if (batch === undefined || !batch.waiters.delete(this)) return this.reading.end()
    return batch.waiters.size === 0 ? this.cancel(batch) : Effect.void
  }
}

export const make = <I, A, E, E2>(
  options: Options<I, A, E, E2>
): Effect.Effect<Batches<I, A, E | E2>, never, Scope.Scope> =>
  Effect.gen(function* () {
    type Batched = Together<I, A, E | E2>
    const surroundings = yield* Effect.withFiber((fiber) => Effect.succeed(Call.surroundingsOf(fiber)))
    const window = Duration.toMillis(Duration.fromInputUnsafe(options.window ?? "1 millis"))
    const max = options.max ?? 100
    const gathering = new Table<string, Batched>(hashOf(yield* Random.nextInt))
    /** Few at once: an array, which unlike a set keeps nothing of what has left (`Table` says how). */
    const all: Array<Batched> = []

    const forget = (batch: Batched): void => {
      const place = all.indexOf(batch)
      if (place >= 0) all.splice(place, 1)
    }

    /** Opens a batch for its first waiter; it is sent once the window is over. */
    const open = (group: string, first: Waiter<I, A, E | E2>): Batched => {
      const batch: Batched = { group, waiters: new Set([first]), alarm: undefined, sent: undefined }
      gathering.set(group, batch)
      all.push(batch)
      const { surroundings } = first.call
      const now = surroundings.clock.currentTimeMillisUnsafe()
      // Last: a window of nothing may be over at once.
      batch.alarm = Alarm.set(surroundings, now + window, { ring: () => send(batch) })
      return batch
    }

    const send = (batch: Batched) => {
      stopGathering(batch)
      const waiters = Array.from(batch.waiters)
      const [first] = waiters
      if (first === undefined) return
      options.onSend?.(waiters.length)
      const call: Call.Call<ReadonlyArray<I>> = {
        question: waiters.map(({ call }) => call.question),
        surroundings,
        until: waiters.reduce((latest, { call }) => Math.max(latest, call.until), 0),
        waitedUntil: () =>
          Math.max(...Array.from(batch.waiters, ({ call }) => Math.min(call.until, call.waitedUntil()))),
        // The first of those who are still there.
        requestId: first.call.requestId,
        trace: first.call.trace
      }
      batch.sent = Ask.ended
      let over = false
      const tell = (exit: Exit.Exit<(input: I) => Effect.Effect<A, E>, E2>) => {
        over = true
        batch.sent = Ask.ended
        forget(batch)
        for (const waiter of batch.waiters) {
          // Answered: from now on its end is that of its reading.
          batch.waiters.delete(waiter)
          const { asker, call } = waiter
          if (Exit.isFailure(exit)) asker.tell(Exit.failCause(exit.cause))
          else waiter.reading = Ask.settle(() => exit.value(call.question), call, asker)
        }
      }
      const sent = options.ask(call, { tell })
      if (over) return
      batch.sent = sent
      // All of them may have left while it was being sent.
      if (batch.waiters.size === 0) void cancel(batch)
    }

    const stopGathering = (batch: Batched) => {
      if (gathering.get(batch.group) === batch) gathering.delete(batch.group)
      if (batch.alarm !== undefined) Alarm.cancel(batch.alarm)
    }

    /** Nobody waits for it any longer. A newcomer opens another. */
    const cancel = (batch: Batched): Effect.Effect<void> => {
      stopGathering(batch)
      const gone = batch.sent?.end() ?? Effect.void
      if (gone === Effect.void) {
        forget(batch)
        return gone
      }
      return Effect.andThen(
        gone,
        Effect.sync(() => forget(batch))
      )
    }

    const closed = Exit.interrupt()
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const batches = [...all]
        const gone = batches.map(cancel)
        return Effect.andThen(
          Effect.all(gone, { concurrency: "unbounded", discard: true }),
          Effect.sync(() => batches.forEach(({ waiters }) => waiters.forEach(({ asker }) => asker.tell(closed))))
        )
      })
    )

    const ask: Ask.Ask<I, A, E | E2> = (call, asker) => {
      const group = Ask.tried(() => options.group(call.question))
      if (Exit.isExit(group)) return Direct.tell(asker, group)
      const waiter = new Waiter(call, asker, cancel)
      const known = gathering.get(group)
      known?.waiters.add(waiter)
      const batch = known ?? open(group, waiter)
      waiter.batch = batch
      if (batch.sent === undefined && batch.waiters.size >= max) send(batch)
      return waiter
    }

    return { ask, size: () => all.length }
  })
