/**
 * A question and its answer between the primary process and a worker, over the channel that Node keeps between them. Each
 * end has one question for the other, "your numbers?", so an answer is all that has to be told apart.
 *
 * A question to a process that is gone, or hangs, has no answer: whoever asks waits as long as he likes.
 */
import type { Worker } from "node:cluster"
import { Effect, FiberSet, Schema, type Scope } from "effect"

const Message = Schema.Union([
  Schema.Struct({ question: Schema.Int }),
  Schema.Struct({ answer: Schema.Int, text: Schema.String })
])
const isMessage = Schema.is(Message)

/** This process' end of the channel, as long as the scope lasts: what is asked here is answered with `answer`. */
export const make = (
  worker: Worker,
  answer: Effect.Effect<string>
): Effect.Effect<{ readonly ask: Effect.Effect<string> }, never, Scope.Scope> =>
  Effect.gen(function* () {
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
    return { ask }
  })
