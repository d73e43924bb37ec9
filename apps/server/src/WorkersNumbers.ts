/**
 * What the whole service has counted, kept by the primary: its own numbers, those of the workers, and those of the workers
 * that are gone.
 *
 * A counter that falls is to Prometheus a counter that began again at zero, and all it shows since then counts as new: a
 * worker's end would look like a burst of traffic. So what a worker has said is kept: it counts on after the worker's end,
 * and stands in for a worker that does not answer in time.
 */
import { Effect } from "effect"
import * as WorkersSum from "./WorkersSum.ts"

/** Who can be asked for the text of its numbers. */
interface Source {
  readonly ask: Effect.Effect<string>
}

export interface Numbers {
  /** All of them, as text. */
  readonly text: Effect.Effect<string>
  readonly join: (source: Source) => void
  readonly leave: (source: Source) => void
}

/** How long a worker may take to answer: one that is this late is too busy, and has been heard before. */
const patience = "1 second"

/** `own` are the numbers of this process. */
export const make = (own: Effect.Effect<string>): Numbers => {
  const said = new Map<Source, WorkersSum.Sum>()
  let gone = WorkersSum.empty

  const hear = (source: Source) =>
    source.ask.pipe(
      Effect.map((text) => {
        // One that has left meanwhile is already counted among the gone.
        if (said.has(source)) said.set(source, WorkersSum.parse(text))
      }),
      Effect.timeoutOption(patience)
    )

  return {
    join: (source) => void said.set(source, WorkersSum.empty),
    leave: (source) => {
      gone = WorkersSum.add([gone, WorkersSum.counted(said.get(source) ?? WorkersSum.empty)])
      said.delete(source)
    },
    text: Effect.gen(function* () {
      yield* Effect.forEach([...said.keys()], hear, { concurrency: "unbounded", discard: true })
      const mine = WorkersSum.parse(yield* own)
      return WorkersSum.format(WorkersSum.add([mine, ...said.values(), gone]))
    })
  }
}
