/**
 * Many calls, one answer: run the parts at once and combine them.
 *
 * - {@link failFast}: every part is needed; the first failure ends it and interrupts the others (Go's errgroup with its
 *   context, but really cancelling: it returns when they have ended).
 * - {@link settle}: every part runs to its own end and is reported (Go's WaitGroup, but keeping every error).
 * - {@link degrade}: some parts are required and fail fast, the others are worth waiting for and never fail the answer.
 * - {@link serial}: one after the other, failing fast: the baseline, and the wait is the sum.
 * - {@link forEach}: the same fan-out for every item of a list, so many at once.
 *
 * A part is any Effect. The result's type follows from the parts. Parts at once begin in the order of their keys; where all of
 * them are upstream calls, with the one that takes longest as a rule. Of several that fail at once the first begun is the
 * failure. A fan-out sets no deadline of its own: upstream calls keep the ambient one by themselves, and `Deadline.enforce`
 * makes any other Effect keep it.
 */
import * as Direct from "@portico/call/Direct"
import { Effect, Option } from "effect"
import { skip, timed } from "./internal/Marking.ts"
import * as StandIn from "./internal/StandIn.ts"
import * as Together from "./internal/Together.ts"
import * as Part from "./Part.ts"
import * as Timeline from "./Timeline.ts"

type AnyEffect = Effect.Effect<unknown, unknown, unknown>

/** Parts that are all of one kind: effects, or left out. */
export type Effects = Readonly<Record<string, AnyEffect | Part.Skipped>>

/** Parts that say how much depends on them. */
export type Parts = Readonly<Record<string, AnyRequired | AnyOptional | AnyFollowed | Part.Skipped>>

type AnyOutcome = Part.Outcome<unknown, unknown>
type AnyRequired = Part.Required<unknown, unknown, unknown>
type AnyOptional = Part.Optional<unknown, unknown, unknown>
type AnySteps = Readonly<Record<string, Part.Step<unknown>>>
type AnyFollowed = Part.Followed<AnyRequired | AnyOptional, AnySteps>

type Success<P> =
  P extends Effect.Effect<infer A, infer _E, infer _R> ? A : P extends Part.Skipped ? Part.Skipped : never
type Error<P> = P extends Effect.Effect<infer _A, infer E, infer _R> ? E : never
type Services<P> = P extends Effect.Effect<infer _A, infer _E, infer R> ? R : never

/** Every part's data under its own key. */
export type All<P extends Effects> = { readonly [K in keyof P]: Success<P[K]> }

/** Every part's outcome under its own key. */
export type Settled<P extends Effects> = {
  readonly [K in keyof P]: P[K] extends Part.Skipped
    ? Part.Skipped
    : Part.Outcome<Success<Exclude<P[K], Part.Skipped>>, Error<P[K]>>
}

/** Each part's {@link Result} under its own key. */
export type Degraded<P extends Parts> = { readonly [K in keyof P]: Result<P[K]> }

/** A required part's data, an optional part's outcome; of a part with steps that, and beside it each step's outcome. */
export type Result<P> =
  P extends Part.Required<infer A, infer _E, infer _R>
    ? A
    : P extends Part.Optional<infer A, infer E, infer _R>
      ? Part.Outcome<A, E>
      : P extends Part.Followed<infer First, infer Steps>
        ? { readonly self: Result<First>; readonly steps: { readonly [K in keyof Steps]: Result<Asked<Steps[K]>> } }
        : Part.Skipped

/** What a step asks for. */
type Asked<Step> = Step extends (...data: never) => infer P ? P : never

type RequiredError<P> =
  P extends Part.Required<infer _A, infer E, infer _R>
    ? E
    : P extends Part.Followed<infer First, infer _S>
      ? RequiredError<First>
      : never

type PartServices<P> =
  P extends Part.Followed<infer First, infer Steps>
    ? PartServices<First> | PartServices<Asked<Steps[keyof Steps]>>
    : P extends { readonly effect: infer F }
      ? Services<F>
      : never

/**
 * All parts at once; the first failure ends it and interrupts the others. Use it where half an answer is none. It fails only
 * when the others have ended: a part's slow finalizer keeps everybody waiting.
 *
 * @example
 * yield* FanOut.failFast({ title: Effect.succeed("Boleros"), seats: Effect.succeed(7) }) // => { title: "Boleros", seats: 7 }
 */
export const failFast = <const P extends Effects>(
  parts: P
): Effect.Effect<All<P>, Error<P[keyof P]>, Services<P[keyof P]>> => collect(parts, "unbounded", needed)

/**
 * One part after the other, in the order of their keys; the first failure ends it. Use it to see what being concurrent is
 * worth, or where an upstream bears no more. Keys that are whole numbers come first, as in every JavaScript object.
 *
 * @example
 * yield* FanOut.serial({ title: Effect.succeed("Boleros"), seats: Effect.succeed(7) }) // => { title: "Boleros", seats: 7 }
 */
export const serial = <const P extends Effects>(
  parts: P
): Effect.Effect<All<P>, Error<P[keyof P]>, Services<P[keyof P]>> => collect(parts, 1, needed)

/**
 * All parts at once, each to its own end. Use it where every part is worth showing, or reporting. A defect in a part is that
 * part's failure, and logged. Nothing ends it but its slowest part.
 *
 * @example
 * const { title, seats } = yield* FanOut.settle({ title: Effect.succeed("Boleros"), seats: Effect.fail("down") })
 * title // => { status: "ok", data: "Boleros" }
 * seats // => { status: "failed", error: "down" }
 */
export const settle = <const P extends Effects>(parts: P): Effect.Effect<Settled<P>, never, Services<P[keyof P]>> =>
  collect(parts, "unbounded", settled)

/**
 * All parts at once. A required part that fails ends it as in {@link failFast}; an optional part that fails gives, in this
 * order, its last good data, its fallback, or its error. A part with steps ({@link Part.followedBy}) is one of the two, and
 * its steps are optional parts that begin when it has data. Use it for an answer that has a core and trimmings.
 *
 * @example
 * const { title, seats } = yield* FanOut.degrade({
 *   title: Part.required(Effect.succeed("Boleros")),
 *   seats: Part.optional(Effect.fail("down"), { fallback: () => 0 })
 * })
 * title // => "Boleros"
 * seats // => { status: "fallback", data: 0, error: "down" }
 */
export const degrade = <const P extends Parts>(
  parts: P
): Effect.Effect<Degraded<P>, RequiredError<P[keyof P]>, PartServices<P[keyof P]>> =>
  collect(parts, "unbounded", degraded)

/**
 * The same fan-out for every item, at most `concurrency` items at once; the results are in the items' order. On the timeline
 * each item's parts are under its name: `r1/live`. The first fan-out that fails ends it: whoever wants every item's
 * result makes the parts optional, or settles them.
 *
 * @example
 * const card = (show: string) => FanOut.failFast({ letters: Effect.succeed(show.length) })
 * const options = { concurrency: 25, name: (show: string) => show }
 * yield* FanOut.forEach(["Boleros", "Giselle"], card, options) // => [{ letters: 7 }, { letters: 7 }]
 */
export const forEach = <T, A, E, R>(
  items: ReadonlyArray<T>,
  fanOut: (item: T) => Effect.Effect<A, E, R>,
  options: { readonly concurrency: number; readonly name: (item: T) => string }
): Effect.Effect<Array<A>, E, R> =>
  Effect.forEach(items, (item) => Timeline.under(options.name(item))(fanOut(item)), {
    concurrency: options.concurrency
  })

/** What becomes of a part: a call that is asked for, left out, or an Effect that marks itself. */
type Plan = AnyRequired | AnyOptional | Part.Skipped | AnyEffect

const needed = (_name: string, part: AnyEffect | Part.Skipped): Plan =>
  Effect.isEffect(part) ? Part.required(part) : part

const settled = (_name: string, part: AnyEffect | Part.Skipped): Plan =>
  Effect.isEffect(part) ? Part.optional(part) : part

const degraded = (name: string, part: Parts[string]): Plan => (part._tag === "Followed" ? followed(name, part) : part)

const followed = (name: string, { first, steps }: AnyFollowed): AnyEffect => {
  const follow = (self: unknown, data: Option.Option<unknown>) =>
    collect(steps, "unbounded", (name, step) =>
      Option.isNone(data) ? Part.skipped : begin(name, step, data.value)
    ).pipe(
      Timeline.under(name),
      Effect.map((steps) => ({ self, steps }))
    )
  return first._tag === "Required"
    ? Effect.flatMap(timed(name, first.effect, never), (data) => follow(data, Option.some(data)))
    : Effect.flatMap(outcome(name, first), (self) =>
        follow(self, "data" in self ? Option.some(self.data) : Option.none())
      )
}

/** A step that breaks before it is a part has failed like one that breaks as a part. */
const begin = (name: string, step: Part.Step<unknown>, data: unknown): Plan => {
  try {
    return degraded(name, step(data))
  } catch (defect) {
    return Part.optional(Effect.die(defect))
  }
}

/** The plan's Effect, where it is one of those that have fibers. */
const toEffect = (name: string, plan: Plan): AnyEffect => {
  if (Effect.isEffect(plan)) return plan
  switch (plan._tag) {
    case "Required":
      return timed(name, plan.effect, never)
    case "Optional":
      return outcome(name, plan)
    case "Skipped":
      return skip(name)
  }
}

/** Runs the part; whatever it ends in is a value. */
const outcome = (name: string, part: AnyOptional): Effect.Effect<AnyOutcome, unknown, unknown> =>
  timed(
    name,
    Effect.matchCauseEffect(part.effect, {
      onSuccess: (data): Effect.Effect<AnyOutcome> => Effect.succeed(Part.ok(data)),
      onFailure: (cause) => StandIn.of(name, part, cause)
    }),
    (ended) => ended.status === "failed"
  )

const never = () => false

/** Runs every part as planned and puts each result under its part's key. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the callers' signatures choose it
const collect = <P, Out extends AnyEffect>(
  parts: Readonly<Record<string, P>>,
  concurrency: "unbounded" | 1,
  plan: (name: string, part: P) => Plan
): Out => {
  const names = Object.keys(parts)
  const plans = Object.entries(parts).map(([name, part]) => plan(name, part))
  const keyed: AnyEffect =
    concurrency === "unbounded" && plans.every(needsNoFiber)
      ? Together.run(names, plans)
      : Effect.map(
          Effect.forEach(plans, (plan, index) => toEffect(names[index] ?? "", plan), { concurrency }),
          (results) => Together.named(names, results)
        )
  // A loop over a record loses which key has which type: the public signatures say it again, and the type tests hold them.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return keyed as Out
}

const needsNoFiber = (plan: Plan): plan is Together.Part =>
  !Effect.isEffect(plan) && (plan._tag === "Skipped" || Direct.isDirect(plan.effect))
