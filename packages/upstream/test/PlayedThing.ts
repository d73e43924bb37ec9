/** An upstream with every policy over a played wire, and a short word for each way in which a call can end. */
import * as Direct from "@portico/call/Direct"
import { type Context, Effect, Exit, Fiber, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Path from "../src/Path.ts"
import * as Upstream from "../src/Upstream.ts"
import { UpstreamError } from "../src/UpstreamError.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

/** What a 404 of Thing means. */
class NoThing extends Schema.TaggedError<NoThing>()("NoThing", {}) {}

/** An upstream of no business. */
export class Thing extends Upstream.Service<Thing>()("thing", {
  input: Schema.Struct({ id: Schema.Int }),
  output: Schema.Struct({ name: Schema.String }),
  errors: [NoThing]
}) {}

/** Back-offs of two fifths of their bound: 10 ms, 20 ms. */
export const steady: Context.Service.Shape<typeof Random.Random> = {
  nextDoubleUnsafe: () => 0.4,
  nextIntUnsafe: () => 4
}

/** Thing over a played wire; ids from 1,000 on are asked for with a POST, and those below 0 cannot be. */
export const thingOver = (play: PlayedTransport.Play, policies: Partial<Upstream.Policies>) =>
  Effect.gen(function* () {
    const { layer, exchanges } = PlayedTransport.make(play)
    const http = Thing.layerHttp({
      baseUrl: new URL("http://thing.example"),
      request: ({ id }) => {
        if (id < 0) throw new Error("a bug in what is asked")
        return id < 1_000 ? Path.get`/things/${id}` : Path.post`/things/${id}`({ id })
      },
      on: {
        404: () => new NoThing(),
        418: () => {
          throw new Error("a bug in what 418 means")
        }
      },
      policies: { timeout: "100 millis", ...policies }
    })
    const context = yield* Layer.build(Layer.provide(http, layer))
    const fetch = (id: number) => Effect.provide(Thing.fetch({ id }), context)
    const lastGood = (id: number) => Effect.provide(Thing.lastGood({ id }), context)
    const calls = Thing.fetch({ id: 1 })
    const usualMillis = () => (Direct.isDirect(calls) ? calls.usualMillis(context) : Number.NaN)
    return { context, fetch, lastGood, usualMillis, exchanges }
  }).pipe(Effect.provideService(Random.Random, steady))

/** What became of a call: `ok`, or why not. */
export const outcome = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") return reason?._tag ?? "nothing"
  if (!(reason.error instanceof UpstreamError)) return "domain error"
  const why = reason.error.reason
  if (why._tag === "Rejected") return `Rejected by ${why.by}`
  if (why._tag === "Timeout") return `Timeout of ${why.limit}`
  return why._tag === "Status" ? `Status ${why.status}` : why._tag
}

/** The wire's answers. */
export const good = PlayedTransport.ok({ name: "a" })
export const bad = PlayedTransport.status(503)

/** Hedges whatever is known, from the first call on. */
export const hedgeAlways = { quantile: 0, window: "1 hour", extra: 1, floor: "30 millis", atLeast: 0, tail: 0 } as const

/** Runs it to its end, however long that takes on the test's clock, and says what became of it: `ok`, or the reason. */
export const ended = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* fork(Effect.exit(effect))
    yield* TestClock.adjust("5 seconds")
    return outcome(yield* Fiber.join(fiber))
  })

/** One after the other. */
export const several = <A, E, R>(times: number, effect: (nth: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: times }, (_, nth) => nth),
    effect,
    { concurrency: 1 }
  )
