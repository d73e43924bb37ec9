/**
 * An upstream that the test plays: it takes the calls as they come, looks at what was asked, and says how each of them ends
 * and when. A call that nobody ends hangs. Nothing here takes time of its own, so it goes with a TestClock.
 *
 * Use it for how a composition behaves while an answer is out: who is interrupted when a sibling fails, what a deadline does.
 * Where only the answers matter, {@link Fake} is less to write.
 *
 * @example
 * const statistics = yield* FakeUpstream.make(Statistics)
 * const fiber = yield* Effect.forkChild(Effect.provide(Statistics.fetch({ roomId }), statistics.layer))
 * const call = yield* statistics.expectCall // call.input => { roomId }
 * yield* call.answer({ roomId, viewers: 3, likes: 1, gifts: 0 })
 */
import type { ServiceClass } from "@portico/upstream/Upstream"
import type { Reason, UpstreamError } from "@portico/upstream/UpstreamError"
import { Clock, Data, Deferred, Effect, Exit, type Layer, Queue } from "effect"
import * as Fake from "./Fake.ts"

/** How a call ended: by the test's word, or because its caller left. */
export type Ended = "answered" | "failed" | "interrupted"

/** The call had ended otherwise before. */
export class CallEnded extends Data.TaggedError("CallEnded")<{ readonly upstream: string; readonly ended: Ended }> {
  override get message() {
    return `the call to ${this.upstream} was ${this.ended} already`
  }
}

/** The test expected a call, and none came. */
export class NoCall extends Data.TaggedError("NoCall")<{ readonly upstream: string; readonly calls: number }> {
  override get message() {
    return `${this.upstream} was called ${this.calls} times, and not again within ${patienceMillis} ms of real time`
  }
}

/** One call, and the test's hand on it. Every ending is refused where the call has ended before. */
export interface Call<I, A, E> {
  /** What was asked. */
  readonly input: I
  /** When it was asked, in milliseconds of the Clock. */
  readonly at: number
  /** How it ended; undefined while it is out. */
  readonly ended: () => Ended | undefined
  /** Ends it with an answer. */
  readonly answer: (answer: A) => Effect.Effect<void, CallEnded>
  /** Ends it with an error of the upstream's definition, or for a reason of an `UpstreamError`. */
  readonly fail: (error: E | Reason | UpstreamError) => Effect.Effect<void, CallEnded>
  /** Waits until the caller leaves: its fiber was interrupted. Fails where the call ends otherwise. */
  readonly interrupted: Effect.Effect<void, CallEnded>
}

/** The upstream as the code under test sees it (`layer`), and as the test does (the rest). */
export interface FakeUpstream<Self, I, A, E> {
  readonly layer: Layer.Layer<Self>
  /**
   * Takes the next call in the order in which they came, once there is one. Five seconds of real time without any are a
   * {@link NoCall}: a test's clock stands still while it waits.
   */
  readonly expectCall: Effect.Effect<Call<I, A, E>, NoCall>
  /** All calls so far, taken or not. */
  readonly calls: ReadonlyArray<Call<I, A, E>>
}

/** A fake of this upstream, with no call yet. */
export const make = <Self, Name extends string, I, A, E>(
  service: ServiceClass<Self, Name, I, A, E>
): Effect.Effect<FakeUpstream<Self, I, A, E>> =>
  Effect.gen(function* () {
    const { upstream } = service
    const calls: Array<Call<I, A, E>> = []
    const arrivals = yield* Queue.unbounded<Call<I, A, E>>()

    const fetch = (input: I) =>
      Effect.gen(function* () {
        const { call, reply } = begin<I, A, E>(upstream, input, yield* Clock.currentTimeMillis)
        calls.push(call)
        yield* Queue.offer(arrivals, call)
        return yield* reply
      })

    return {
      layer: service.layerFake(fetch),
      expectCall: Queue.take(arrivals).pipe(
        Effect.raceFirst(
          Effect.andThen(
            Effect.sleep(patienceMillis),
            Effect.suspend(() => new NoCall({ upstream, calls: calls.length }))
          ).pipe(Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()))
        )
      ),
      calls
    }
  })

const patienceMillis = 5_000

/** A call that has come in, and what its caller waits for. */
const begin = <I, A, E>(
  upstream: string,
  input: I,
  at: number
): { readonly call: Call<I, A, E>; readonly reply: Effect.Effect<A, E | UpstreamError> } => {
  const reply = Deferred.makeUnsafe<A, E | UpstreamError>()
  const over = Deferred.makeUnsafe<Ended>()
  let ended: Ended | undefined

  const end = (how: Ended, exit?: Exit.Exit<A, E | UpstreamError>) =>
    Effect.suspend(() => {
      if (ended !== undefined) return new CallEnded({ upstream, ended })
      ended = how
      if (exit !== undefined) Deferred.doneUnsafe(reply, exit)
      Deferred.doneUnsafe(over, Exit.succeed(how))
      return Effect.void
    })

  return {
    call: {
      input,
      at,
      ended: () => ended,
      answer: (answer) => end("answered", Exit.succeed(answer)),
      fail: (error) => end("failed", Exit.fail(Fake.toError(upstream, error))),
      interrupted: Effect.flatMap(Deferred.await(over), (how) =>
        how === "interrupted" ? Effect.void : new CallEnded({ upstream, ended: how })
      )
    },
    reply: Effect.onInterrupt(Deferred.await(reply), () => Effect.ignore(end("interrupted")))
  }
}
