/**
 * Fake layers of an upstream, for tests that only need answers: from a function, from a table, failing with a chosen error,
 * or hanging. What is said is typed by the upstream's own definition.
 *
 * Use {@link FakeUpstream} where the test wants to say when each call ends and to see what became of it, a ScriptedServer
 * where what matters happens on the socket. No policy stands before a fake.
 *
 * @example
 * const statistics = Fake.table(Statistics, [[{ roomId }, { roomId, viewers: 3, likes: 1, gifts: 0 }]])
 * const down = Fake.failing(Live, new Status({ status: 503 }), { after: "50 millis" })
 */
import type { ServiceClass } from "@portico/upstream/Upstream"
import { Reason, Status, UpstreamError } from "@portico/upstream/UpstreamError"
import { type Duration, Effect, Equal, type Layer, Schema } from "effect"

/** What all fakes can be told. */
export interface Options {
  /** How long each call takes before it ends, by the Clock. No time, unless said otherwise. */
  readonly after?: Duration.Input
}

/** Does what the function says. */
export const from = <Self, Name extends string, I, A, E>(
  upstream: ServiceClass<Self, Name, I, A, E>,
  fetch: (input: I) => Effect.Effect<A, NoInfer<E> | UpstreamError>,
  { after }: Options = {}
): Layer.Layer<Self> =>
  upstream.layerFake(
    after === undefined
      ? fetch
      : (input) =>
          Effect.delay(
            Effect.suspend(() => fetch(input)),
            after
          )
  )

/** How a table fake is told what to do about an input that it does not have. */
export interface TableOptions<I, A, E> extends Options {
  /** A `Status` of 404, unless said otherwise: what a 404 means is the real layer's knowledge. */
  readonly otherwise?: (input: I) => Effect.Effect<A, E | UpstreamError>
}

/** Answers each input, compared by value, with what stands beside it. */
export const table = <Self, Name extends string, I, A, E>(
  upstream: ServiceClass<Self, Name, I, A, E>,
  rows: ReadonlyArray<readonly [input: NoInfer<I>, answer: NoInfer<A>]>,
  { otherwise, ...options }: TableOptions<NoInfer<I>, NoInfer<A>, NoInfer<E>> = {}
): Layer.Layer<Self> => {
  const absent = new UpstreamError({ upstream: upstream.upstream, reason: new Status({ status: 404 }) })
  return from(
    upstream,
    (input) => {
      const row = rows.find(([known]) => Equal.equals(known, input))
      if (row !== undefined) return Effect.succeed(row[1])
      return otherwise?.(input) ?? Effect.fail(absent)
    },
    options
  )
}

/** Fails every call: with an error of the upstream's definition, or for a reason of `UpstreamError`. */
export const failing = <Self, Name extends string, I, A, E>(
  upstream: ServiceClass<Self, Name, I, A, E>,
  error: NoInfer<E> | Reason | UpstreamError,
  options: Options = {}
): Layer.Layer<Self> => from(upstream, () => Effect.fail(toError(upstream.upstream, error)), options)

/** Never answers: a call ends when its caller leaves. */
export const hanging = <Self, Name extends string, I, A, E>(
  upstream: ServiceClass<Self, Name, I, A, E>
): Layer.Layer<Self> => upstream.layerFake(() => Effect.never)

/** The error of a call to `upstream` that ended with `error`: a bare reason becomes the `UpstreamError` around it. */
export const toError = <E>(upstream: string, error: E | Reason | UpstreamError): E | UpstreamError =>
  isReason(error) ? new UpstreamError({ upstream, reason: error }) : error

const isReason = Schema.is(Reason)
