/** What stops a measurement: a missing tool, a server that does not start, an answer that is wrong. */
import { Data } from "effect"

export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}
