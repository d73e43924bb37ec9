/**
 * The reference upstreams beside the entry service, for whoever names none: the whole of `apps/upstreams` in a worker thread.
 *
 * A thread of its own, because their SQLite is synchronous and would block the entry service's event loop; a thread and not
 * a process, because it cannot outlive this one and gets no signals: during a drain the upstreams still answer.
 */
import { Worker } from "node:worker_threads"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { Data, Effect, Schema, type Scope } from "effect"

export class EmbeddedUpstreamsError extends Data.TaggedError("EmbeddedUpstreamsError")<{ readonly message: string }> {}

// What the thread says once: where the upstreams are, or why they are not.
const Message = Schema.Union([
  Schema.Struct({ baseUrls: Schema.Record(Schema.Literals(RoomUpstreams.names), Schema.URLFromString) }),
  Schema.Struct({ error: Schema.String })
])

const script = new URL("../../upstreams/src/embedded.ts", import.meta.url)

/** Starts them over the SQLite file in the folder `data`; they end with the scope. */
export const start = (
  data: string
): Effect.Effect<Readonly<Record<RoomUpstreams.Name, URL>>, EmbeddedUpstreamsError, Scope.Scope> =>
  Effect.gen(function* () {
    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => new Worker(script, { workerData: { data } })),
      (worker) => Effect.promise(() => worker.terminate())
    )
    const said = yield* Effect.callback<unknown, EmbeddedUpstreamsError>((resume) => {
      worker.once("message", (message: unknown) => resume(Effect.succeed(message)))
      worker.once("error", (error) => resume(Effect.fail(new EmbeddedUpstreamsError({ message: String(error) }))))
      worker.once("exit", () => resume(Effect.fail(new EmbeddedUpstreamsError({ message: "they ended at once" }))))
    })
    const message = yield* Effect.orDie(Schema.decodeUnknownEffect(Message)(said))
    return "error" in message ? yield* new EmbeddedUpstreamsError({ message: message.error }) : message.baseUrls
  })
