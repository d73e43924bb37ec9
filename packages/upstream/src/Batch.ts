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
import * as Direct from "@portico/call/Direct"
import { type Duration, Effect, type Scope } from "effect"
import * as Ask from "./internal/Ask.ts"
import * as Batches from "./internal/Batches.ts"
import * as Call from "./internal/Call.ts"

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
    const context = yield* Effect.context<R>()
    const together = yield* Batches.make<I, A, E, E2>({
      ...options,
      ask: Ask.forked((call: Call.Call<ReadonlyArray<I>>) =>
        // Suspended: what is thrown here would be lost, and with it whatever the same alarm or fiber had still to do.
        Effect.runForkWith(Call.contextOf(context, call))(Effect.suspend(() => options.call(call.question)))
      )
    })
    const begin = Ask.begin(together.ask)
    return Object.assign((input: I) => Direct.make(begin(input)), { size: together.size })
  })
