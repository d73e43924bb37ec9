/**
 * A question and its answer between the primary process and a worker, over the channel that Node keeps between them. Each
 * end has one question for the other, "your numbers?", so an answer is all that has to be told apart. And a worker says once
 * that it listens: its listener is its own, so that Node's cluster does not know.
 *
 * A question to a process that is gone, or hangs, has no answer: whoever asks waits as long as he likes.
 */
import type { Worker } from "node:cluster"
import { Deferred, Effect, FiberSet, Schema, type Scope } from "effect"

const Message = Schema.Union([
  Schema.Struct({ question: Schema.Int }),
  Schema.Struct({ answer: Schema.Int, text: Schema.String }),
  Schema.Struct({ listens: Schema.Literal(true) })
])
const isMessage = Schema.is(Message)

export interface Channel {
  /** The other end's numbers, as text. */
  readonly ask: Effect.Effect<string>
  /** Tells the other end that this one listens. */
  readonly listens: Effect.Effect<void>
  /** Once the other end has said so. */
  readonly listening: Effect.Effect<void>
}

/** This process' end of the channel, as long as the scope lasts: what is asked here is answered with `answer`. */
export const make = (worker: Worker, answer: Effect.Effect<string>): Effect.Effect<Channel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const up = Deferred.makeUnsafe<void>()
    const run = yield* FiberSet.makeRuntime<never, void>()
    const waiting = new Map<number, (text: string) => void>()
    let asked = 0

    // What cannot be sent has nobody to read it: that process has ended, and its end is noticed as such.
    const send = (message: typeof Message.Type) => {
      if (worker.isConnected()) worker.send(message, undefined, () => {})
    }

    const onMessage = (message: unknown) => {
      if (!isMessage(message)) return
      if ("question" in message) {
        run(Effect.map(answer, (text) => send({ answer: message.question, text })))
      } else if ("listens" in message) {
        Deferred.doneUnsafe(up, Effect.void)
      } else {
        waiting.get(message.answer)?.(message.text)
      }
    }

    yield* Effect.acquireRelease(
      Effect.sync(() => worker.on("message", onMessage)),
      () => Effect.sync(() => worker.off("message", onMessage))
    )

    const ask = Effect.callback<string>((resume) => {
      const id = ++asked
      waiting.set(id, (text) => resume(Effect.succeed(text)))
      send({ question: id })
      return Effect.sync(() => waiting.delete(id))
    })
    return { ask, listens: Effect.sync(() => send({ listens: true })), listening: Deferred.await(up) }
  })
