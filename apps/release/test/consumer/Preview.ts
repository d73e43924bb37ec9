/** What a team writes on the packages: an upstream of its own, composed with another, and run on fakes. */
import * as Deadline from "@portico/call/Deadline"
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import * as Upstream from "@portico/upstream/Upstream"
import { Timeout, UpstreamError } from "@portico/upstream/UpstreamError"
import { Console, Effect, Layer, Schema } from "effect"

class NoSuchShow extends Schema.TaggedError<NoSuchShow>()("NoSuchShow", { show: Schema.String }) {}

class Title extends Upstream.Service<Title>()("title", {
  input: Schema.Struct({ show: Schema.String }),
  output: Schema.Struct({ title: Schema.String }),
  errors: [NoSuchShow]
}) {}

class Seats extends Upstream.Service<Seats>()("seats", {
  input: Schema.Struct({ show: Schema.String }),
  output: Schema.Struct({ free: Schema.Finite }),
  errors: []
}) {}

const preview = (show: string) =>
  FanOut.degrade({
    title: Part.required(Title.fetch({ show })),
    seats: Part.optional(Seats.fetch({ show })),
    waiting: Part.optional(Seats.fetch({ show }), { fallback: () => ({ free: 0 }) })
  }).pipe(Deadline.within("1 second"))

type Preview = ReturnType<typeof preview>
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
type IsAny<A> = 0 extends 1 & A ? true : false

/** The types that came through the packages: what can go wrong with the title alone, and both services. */
export const typed: readonly [
  Same<Effect.Error<Preview>, NoSuchShow | UpstreamError>,
  Same<Effect.Services<Preview>, Title | Seats>,
  IsAny<Effect.Success<Preview>["seats"]>
] = [true, true, false]

const fakes = Layer.mergeAll(
  Title.layerFake(({ show }) =>
    show === "8" ? Effect.fail(new NoSuchShow({ show })) : Effect.succeed({ title: `Show ${show}` })
  ),
  Seats.layerFake(() =>
    Effect.fail(new UpstreamError({ upstream: "seats", reason: new Timeout({ limit: "attempt" }) }))
  )
)

const program = Effect.gen(function* () {
  const shown = yield* preview("7")
  const missing = yield* Effect.flip(preview("8"))
  yield* Console.log(
    JSON.stringify({
      title: shown.title.title,
      seats: shown.seats.status,
      waiting: shown.waiting.status,
      free: shown.waiting.status === "fallback" ? shown.waiting.data.free : undefined,
      missing: missing._tag
    })
  )
})

await Effect.runPromise(Effect.provide(program, fakes))
