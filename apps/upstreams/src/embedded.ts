/**
 * The five in a worker thread of another program: says once where they listen, or why they do not, and serves until the
 * thread is ended.
 */
import { parentPort, workerData } from "node:worker_threads"
import { Context, Effect, Layer, Schema } from "effect"
import * as Upstreams from "./Upstreams.ts"

const Data = Schema.Struct({ data: Schema.String })

const program = Effect.gen(function* () {
  const { data } = yield* Effect.orDie(Schema.decodeUnknownEffect(Data)(workerData))
  const context = yield* Layer.build(Upstreams.layer({ data }))
  const { baseUrls } = Context.get(context, Upstreams.Upstreams)
  parentPort?.postMessage({ baseUrls })
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.catch((error) => Effect.sync(() => parentPort?.postMessage({ error: error.message })))
)

Effect.runFork(program)
