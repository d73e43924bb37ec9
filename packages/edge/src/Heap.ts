/**
 * How V8 keeps the memory of a service: many small things that live for one request each.
 *
 * - **No site allocates old.** Where V8 has seen most of what a place in the code makes survive, it makes it there in the old
 *   generation from then on. Of a request all survives that is under way when the young are collected, so in a busy service
 *   places are found that way, for good; and what is old and dead keeps alive whatever young it refers to, until the next
 *   full collection: a tenth of all that was made. Without it 2 % survive and a young collection takes 3 ms instead of 8
 *   (apps/bench/NOTES.md).
 * - **The old generation doubles before it is collected**, instead of growing up to fourfold: little gets there any more.
 * - **One thread marks beside the service.** Where the process has a core to itself and no more, several take it from the
 *   service for as long as they mark.
 *
 * The young generation stays as large as Node makes it. Half of it (`--max-semi-space-size=32` as the process starts) is 60 MiB
 * less at a thousand clients, for a seventh of the throughput there, and twice the p99 of entries whose upstreams answer at once.
 *
 * Use {@link tuned} first thing in a service's program. It says how the process runs, so a library does not call it.
 */
import { setFlagsFromString } from "node:v8"
import { Effect } from "effect"

/** Read by V8 whenever it decides, so that they can be set while it runs. */
export const flags: ReadonlyArray<string> = [
  "--no-allocation-site-pretenuring",
  "--heap-growing-percent=100",
  "--concurrent-marking-max-worker-num=1"
]

/**
 * Sets V8 to it, for the whole process.
 *
 * @example
 * yield* Heap.tuned
 */
export const tuned: Effect.Effect<void> = Effect.sync(() => flags.forEach(setFlagsFromString))
