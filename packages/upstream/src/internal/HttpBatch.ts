/** Many inputs in one request: `{ items: [...] }`, of which each caller reads its own. */
import { Effect, Exit, type Scope } from "effect"
import type { BatchRequest } from "../Upstream.ts"
import type { UpstreamError } from "../UpstreamError.ts"
import type * as Ask from "./Ask.ts"
import * as Batches from "./Batches.ts"
import * as HttpCall from "./HttpCall.ts"
import * as Reading from "./Reading.ts"

export interface Options<I, A, E> {
  readonly batch: BatchRequest<I>
  readonly attempts: HttpCall.Attempts
  readonly reader: HttpCall.Reader<A>
  /** What it means that an id is left out of the answer. */
  readonly missing: (input: I) => Effect.Effect<A, E | UpstreamError>
  /** Whether somebody keeps what is read. */
  readonly remembers: boolean
  /** The policies around a request. */
  readonly around: Ask.Around<UpstreamError>
  /** So many go out together. */
  readonly onSend: (size: number) => void
}

/** A way to ask for one that waits for others to ask with. */
export const make = <Q extends { readonly input: I }, I, A, E>({
  batch: { request, id, field, group },
  attempts,
  reader: { json, decode },
  missing,
  remembers,
  around,
  onSend
}: Options<I, A, E>): Effect.Effect<Ask.Ask<Q, Reading.Reading<A>, E | UpstreamError>, never, Scope.Scope> => {
  const together = HttpCall.attempt(
    attempts,
    (questions: ReadonlyArray<Q>) => request(questions.map(({ input }) => input)),
    (response) =>
      Effect.mapEager(json(response), (answer) => {
        const items = HttpCall.itemsBy(answer, field)
        return ({ input }: Q): Effect.Effect<Reading.Reading<A>, E | UpstreamError> => {
          const item = items?.get(id(input))
          // An id left out was not found; an answer without items is spoilt as a whole.
          if (item === undefined) return Reading.of(items === undefined ? decode(item) : missing(input))
          return Exit.map(decode(item), (value) => ({ value, text: remembers ? HttpCall.textOf(item) : undefined }))
        }
      })
  )
  return Effect.map(
    Batches.make<Q, Reading.Reading<A>, E | UpstreamError, UpstreamError>({
      group: ({ input }) => group?.(input) ?? "",
      ask: around(together),
      onSend
    }),
    ({ ask }) => ask
  )
}
