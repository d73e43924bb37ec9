/** The clauses of the contract, each with how its breaches are found. */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import type { Path } from "@portico/upstream/Path"
import type { Transport } from "@portico/upstream/Transport"
import type { BatchRequest } from "@portico/upstream/Upstream"
import { UpstreamError } from "@portico/upstream/UpstreamError"
import { Duration, Effect, Equal, Layer, Predicate, Schema } from "effect"
import type { Subject } from "../Contract.ts"
import * as Probe from "./Probe.ts"

/** What is wrong, in words; or why there is nothing to check. */
type Breaches = ReadonlyArray<string> | { readonly leftOut: string }

/** What the service promises, as a sentence, and what was found of it. */
export interface Clause {
  readonly name: string
  readonly breaches: Effect.Effect<Breaches, never, Transport>
}

/** The first is that the service can be reached: without it there is nothing to say of the others. */
export const of = <Self, Name extends string, I, A, E>(
  subject: Subject<Self, Name, I, A, E>,
  ask: Probe.Ask
): readonly [Clause, ...ReadonlyArray<Clause>] => {
  const { http, known, unknown = [] } = subject
  const decode = decoder(subject.output)
  const isAbout = aboutOf(subject)

  const answer = (path: Path, headers?: ReadonlyArray<string>) =>
    Effect.flatMap(ask(path, headers), (response) => Probe.json(path, response))
  /** The answer of one input, in the schema. */
  const get = (input: I, path = http.request(input), headers?: ReadonlyArray<string>) =>
    Effect.flatMap(answer(path, headers), (json) => decode(json, Probe.name(path)))
  // What is not answered at all is said once, and not again by the clauses about how it is answered.
  const answered: Array<I> = []
  const forAnswered = (f: (input: I) => Effect.Effect<unknown, string>): Clause["breaches"] =>
    Effect.suspend((): Clause["breaches"] => (answered.length === 0 ? Effect.succeed(noAnswer) : each(answered, f)))

  return [
    { name: "can be reached", breaches: each([known[0]], (input) => ask(http.request(input))) },
    {
      name: "answers what it knows with JSON of the schema",
      breaches: each(known, (input) => Effect.map(get(input), () => answered.push(input)))
    },
    {
      name: "answers about what was asked",
      breaches:
        isAbout === undefined
          ? Effect.succeed({ leftOut: "nothing says what an answer is about" })
          : forAnswered((input) =>
              Effect.filterOrFail(
                get(input),
                (answer) => isAbout(input, answer),
                () => `${Probe.name(http.request(input))} answered about something else`
              )
            )
    },
    {
      name: "may answer with more fields than the schema has",
      breaches: forAnswered((input) => {
        const path = http.request(input)
        const name = `${Probe.name(path)} with a field more`
        return Effect.gen(function* () {
          const json = yield* answer(path)
          if (!Predicate.isObject(json)) return
          const plain = yield* decode(json, name)
          const more = yield* decode({ ...json, porticoContract: { more: true } }, name)
          if (!Equal.equals(plain, more)) return yield* Effect.fail(`${name} means something else`)
        })
      })
    },
    {
      name: "ignores a query parameter that it does not know",
      breaches: forAnswered((input) => get(input, withParameter(http.request(input))))
    },
    {
      name: `takes the deadline header, ${Deadline.header}`,
      breaches: forAnswered((input) => {
        const left = Deadline.toHeader(Duration.toMillis(Duration.fromInputUnsafe(http.policies.timeout)))
        return get(input, undefined, [Deadline.header, left])
      })
    },
    {
      name: `takes ${RequestId.header} and ${TraceContext.header}`,
      breaches: forAnswered((input) =>
        get(input, undefined, [RequestId.header, "contract-1", TraceContext.header, traceparent])
      )
    },
    {
      name: "answers 404 to what it does not know",
      breaches:
        unknown.length === 0
          ? Effect.succeed({ leftOut: "no unknown input was given" })
          : each(unknown, (input) => {
              const path = http.request(input)
              return Effect.flatMap(ask(path), ({ status }) =>
                status === 404 ? Effect.void : Effect.fail(`${Probe.name(path)} answered ${status}`)
              )
            })
    },
    { name: "has the batch form", breaches: batch(subject, answer, decode) },
    { name: "is understood by the upstream's own layer", breaches: fetched(subject) }
  ]
}

const noAnswer = { leftOut: "it answered nothing of what it knows" }

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

const withParameter = ({ path, ...rest }: Path): Path => ({
  ...rest,
  path: path === undefined ? undefined : `${path}${path.includes("?") ? "&" : "?"}porticoContract=1`
})

/** Every failure of any of them. */
const each = <I, R>(
  inputs: ReadonlyArray<I>,
  f: (input: I) => Effect.Effect<unknown, string, R>,
  concurrency: 1 | "unbounded" = 1
): Effect.Effect<ReadonlyArray<string>, never, R> =>
  Effect.map(Effect.partition(inputs, f, { concurrency }), ([, failures]) => failures)

type Decode<A> = (json: unknown, name: string) => Effect.Effect<A, string>

/** Decodes, and fails with every issue there is. */
const decoder = <A>(output: Schema.ConstraintDecoder<A>): Decode<A> => {
  const decode = Schema.decodeUnknownEffect(output, { errors: "all" })
  return (json, name) =>
    Effect.mapError(
      decode(json),
      ({ message }) => `${name} is not of the schema: ${message.replaceAll(/\s*\n\s*/g, " ")}`
    )
}

const aboutOf = <Self, Name extends string, I, A, E>({ http: { batch }, about }: Subject<Self, Name, I, A, E>) =>
  about ?? (batch === undefined ? undefined : (input: I, answer: A) => fieldOf(answer, batch.field) === batch.id(input))

const fieldOf = (value: unknown, field: string): unknown =>
  Predicate.hasProperty(value, field) ? value[field] : undefined

const batch = <Self, Name extends string, I, A, E>(
  { http, known, unknown = [] }: Subject<Self, Name, I, A, E>,
  answer: (path: Path) => Effect.Effect<unknown, string>,
  decode: Decode<A>
): Clause["breaches"] => {
  const { batch } = http
  if (batch === undefined) return Effect.succeed({ leftOut: "it is asked without one" })

  /** What is wrong with the answer to a batch of these, of which `present` are known. */
  const ask = (inputs: ReadonlyArray<I>, present: ReadonlyArray<I>): Effect.Effect<ReadonlyArray<string>> => {
    const path = batch.request(inputs)
    const name = Probe.name(path)
    return Effect.gen(function* () {
      const items = fieldOf(yield* answer(path), "items")
      if (!Array.isArray(items)) return [`${name} has no list of items`]
      const ids = items.map((item) => fieldOf(item, batch.field))
      const asked = present.map(batch.id)
      return [
        ...(yield* each(items, (item) => decode(item, `${name}: an item`))),
        ...asked.filter((id) => !ids.includes(id)).map((id) => `${name} leaves out ${id}`),
        ...ids.filter((id) => !asked.includes(String(id))).map((id) => `${name} has an item for ${String(id)}`)
      ]
    }).pipe(Effect.catch((why) => Effect.succeed([why])))
  }

  const { single, together } = batchesOf(batch, known, unknown)
  const questions = [
    ask([single], [single]),
    ...together.map((inputs) =>
      ask(
        inputs,
        inputs.filter((input) => known.includes(input))
      )
    ),
    ...unknown.slice(0, 1).map((input) => ask([input], []))
  ]
  return Effect.map(Effect.all(questions, { concurrency: 1 }), (breaches) => breaches.flat())
}

/** One alone, and all that can be asked for together. */
const batchesOf = <I>(
  { group }: BatchRequest<I>,
  known: readonly [I, ...ReadonlyArray<I>],
  unknown: ReadonlyArray<I>
): { readonly single: I; readonly together: ReadonlyArray<ReadonlyArray<I>> } => ({
  single: known[0],
  together: [...Map.groupBy([...known, ...unknown], (input) => group?.(input) ?? "").values()]
})

/**
 * Through the layer that callers have, all at once as callers are, so that batches form: what is known is an answer, what is
 * not is no fault of the upstream.
 */
const fetched = <Self, Name extends string, I, A, E>({
  upstream,
  http,
  known,
  unknown = []
}: Subject<Self, Name, I, A, E>): Clause["breaches"] => {
  const { timeout, maxResponse } = http.policies
  const policies = maxResponse === undefined ? { timeout } : { timeout, maxResponse }
  const fetch = (input: I) =>
    Effect.catch(upstream.fetch(input), (error) =>
      error instanceof UpstreamError || known.includes(input)
        ? Effect.fail(`${Probe.name(http.request(input))}: ${Predicate.isError(error) ? error.message : String(error)}`)
        : Effect.void
    )
  return Effect.scoped(
    Effect.flatMap(Layer.build(upstream.layerHttp({ ...http, policies })), (context) =>
      Effect.provide(each([...known, ...unknown], fetch, "unbounded"), context)
    )
  )
}
