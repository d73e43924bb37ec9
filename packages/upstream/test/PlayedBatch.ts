/** A Batch over an upstream that keeps what it was asked. */
import { Effect } from "effect"
import * as Batch from "../src/Batch.ts"

/** Answers each of several ids, after 10 ms, with what `say` says of it; keeps what it was asked. */
export const batchOf = (
  say: (id: number) => Effect.Effect<string, string> = (id) => Effect.succeed(`item ${id}`),
  answering: Effect.Effect<void, string> = Effect.sleep("10 millis")
) =>
  Effect.gen(function* () {
    const asked: Array<ReadonlyArray<number>> = []
    const sizes: Array<number> = []
    const log: Array<string> = []
    const fetch = yield* Batch.make({
      group: (id: number) => (id < 1_000 ? "small" : "large"),
      call: (ids: ReadonlyArray<number>) =>
        Effect.suspend(() => {
          asked.push(ids)
          return answering.pipe(
            Effect.as(say),
            Effect.onInterrupt(() => Effect.sync(() => log.push("cancelled")))
          )
        }),
      onSend: (size) => sizes.push(size)
    })
    return { fetch, asked, sizes, log }
  })

/** So many ids. */
export const upTo = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, id) => id)
