/**
 * One call to one dependency: its definition, its layers, and THE order of the policies.
 *
 * An upstream is a Context service whose `fetch` asks it. Its definition is a contract (name, input, output, domain errors)
 * and says nothing of how the answer is had; that is a Layer: {@link ServiceClass.layerHttp} asks a real service,
 * {@link ServiceClass.layerFake} runs a function. Whoever composes calls sees only the contract.
 *
 * @example
 * class Statistics extends Upstream.Service<Statistics>()("statistics", {
 *   input: Schema.Struct({ roomId: RoomId }),
 *   output: RoomStatistics,
 *   errors: [RoomNotFound]
 * }) {}
 *
 * // Effect<RoomStatistics, RoomNotFound | UpstreamError, Statistics>
 * const call = Statistics.fetch({ roomId })
 */
import * as Direct from "@portico/call/Direct"
import { Clock, Context, Duration, Effect, Exit, Layer, Option, pipe, Random, type Schema, type Scope } from "effect"
import * as AttemptTimeout from "./AttemptTimeout.ts"
import * as Breaker from "./Breaker.ts"
import * as Bulkhead from "./Bulkhead.ts"
import * as CallMetrics from "./CallMetrics.ts"
import * as Freshness from "./Freshness.ts"
import * as Hedge from "./Hedge.ts"
import { Archive } from "./internal/Archive.ts"
import * as Ask from "./internal/Ask.ts"
import * as Asked from "./internal/Asked.ts"
import * as Flights from "./internal/Flights.ts"
import * as HttpBatch from "./internal/HttpBatch.ts"
import * as HttpCall from "./internal/HttpCall.ts"
import * as Memory from "./internal/Memory.ts"
import * as Reading from "./internal/Reading.ts"
import { hashOf } from "./internal/Table.ts"
import * as Path from "./Path.ts"
import type { Stackable } from "./Policy.ts"
import * as Retry from "./Retry.ts"
import * as RetryBudget from "./RetryBudget.ts"
import { Transport } from "./Transport.ts"
import { Rejected, Status, Timeout, UpstreamError } from "./UpstreamError.ts"

/** What an upstream is: the shape of the question, of the answer, and of the errors that mean something in the domain. */
export interface Definition<
  I extends Schema.ConstraintDecoder<unknown>,
  O extends Schema.ConstraintDecoder<unknown>,
  E extends ReadonlyArray<Schema.ConstraintDecoder<unknown>>
> {
  readonly input: I
  readonly output: O
  readonly errors: E
}

/** The service behind an upstream's name. */
export interface Fetcher<I, A, E> {
  /** Asks the upstream. */
  readonly fetch: (input: I) => Effect.Effect<A, E | UpstreamError>
  /** The last good answer, where one is kept: see {@link Policies.staleIfError}. */
  readonly lastGood: (input: I) => Effect.Effect<Option.Option<Freshness.LastGood<A>>>
  /** How many milliseconds an answer takes as a rule, so that a fan-out can begin with the longest; left out where unknown. */
  readonly usualMillis?: () => number
}

/** Where an upstream is and what is asked of it there. */
export interface HttpOptions<I, A, E> {
  readonly baseUrl: URL
  /** What to ask. The path is also the key under which calls are shared and answers kept. */
  readonly request: (input: I) => Path.Path
  /** What a status means in the domain: an error of the definition, or an answer after all. Any other non-2xx is `Status`. */
  readonly on?: Readonly<Record<number, (input: I) => Effect.Effect<A, E>>>
  /** Where it can be asked for many at once. */
  readonly batch?: BatchRequest<I>
  readonly policies: Policies
}

/** How to ask for many at once: the answer is `{ items: [...] }`, and an id left out of it means what a 404 means. */
export interface BatchRequest<I> {
  /** Asks for all inputs of a group at once. */
  readonly request: (inputs: ReadonlyArray<I>) => Path.Path
  /** What names an input among the items, and the field of an item that says so. */
  readonly id: (input: I) => string
  readonly field: string
  /** Inputs that can be asked for together; all of them, unless said otherwise. */
  readonly group?: (input: I) => string
}

/** The numbers of the policies; their order is not up for choice. What is left out is off. */
export interface Policies {
  /** The limit of one attempt. */
  readonly timeout: Duration.Input
  /** The largest body taken, in bytes. 256 KiB unless said otherwise. */
  readonly maxResponse?: number
  /** How many attempts under way at once. */
  readonly bulkhead?: number
  readonly hedge?: Hedge.Options
  /** Attempts beyond the first. */
  readonly retries?: number
  /** What bounds the retries: 20 % and 10 a second unless said otherwise. */
  readonly retryBudget?: RetryBudget.Options
  readonly breaker?: Omit<Breaker.Options, "upstream">
  readonly freshFor?: Duration.Input
  readonly staleIfError?: Duration.Input
  /** How many answers are kept, fresh or stale. 10,000 unless said otherwise. */
  readonly capacity?: number
}

/** An upstream: the service's tag, its calls and its layers. */
export interface ServiceClass<Self, Name extends string, I, A, E> extends Context.ServiceClass<
  Self,
  `portico/upstream/${Name}`,
  Fetcher<I, A, E>
> {
  readonly upstream: Name
  /** Asks the upstream. */
  fetch(input: I): Effect.Effect<A, E | UpstreamError, Self>
  /** The last good answer, if the upstream keeps one for `staleIfError`: for whoever would rather have it than an error. */
  lastGood(input: I): Effect.Effect<Option.Option<Freshness.LastGood<A>>, never, Self>
  /** The real one: over HTTP, with every policy. */
  layerHttp(options: HttpOptions<I, A, E>): Layer.Layer<Self, never, Transport>
  /** A function in place of the service, for tests. No policy stands before it; the caller's deadline ends its wait. */
  layerFake(fetch: (input: I) => Effect.Effect<A, E | UpstreamError>): Layer.Layer<Self>
}

/** Defines an upstream: `class Live extends Upstream.Service<Live>()("live", definition) {}`. */
export const Service =
  <Self>() =>
  <
    const Name extends string,
    I extends Schema.ConstraintDecoder<unknown>,
    O extends Schema.ConstraintDecoder<unknown>,
    const E extends ReadonlyArray<Schema.ConstraintDecoder<unknown>>
  >(
    name: Name,
    definition: Definition<I, O, E>
  ): ServiceClass<Self, Name, I["Type"], O["Type"], E[number]["Type"]> => {
    type Shape = Fetcher<I["Type"], O["Type"], E[number]["Type"]>
    const Tag = Context.Service<Self, Shape>()(`portico/upstream/${name}` as const)
    return Object.assign(Tag, {
      upstream: name,
      fetch: (input: I["Type"]) => new Asked.Fetch(Tag, input),
      lastGood: (input: I["Type"]) => new Asked.LastGood(Tag, input),
      layerHttp: (options: HttpOptions<I["Type"], O["Type"], E[number]["Type"]>) =>
        Layer.effect(Tag, overHttp(name, definition.output, options)),
      layerFake: (fetch: Shape["fetch"]) => {
        // The deadline is the caller's and no policy: a fake keeps it as the real one does.
        const untilDeadline = AttemptTimeout.make(name, Duration.infinity)
        return Layer.succeed(Tag, {
          fetch: (input) => untilDeadline(fetch(input)),
          lastGood: () => Effect.succeedNone
        })
      }
    })
  }

const overHttp = <I, A, E>(
  upstream: string,
  output: Schema.ConstraintDecoder<A>,
  options: HttpOptions<I, A, E>
): Effect.Effect<Fetcher<I, A, E>, never, Transport | Scope.Scope> =>
  Effect.gen(function* () {
    const { policies, on = {} } = options
    const metrics = yield* CallMetrics.make(upstream)
    const stack = yield* stackOf(upstream, policies, metrics)
    const maxResponse = policies.maxResponse ?? 262_144
    const wire = yield* (yield* Transport).connect({ upstream, baseUrl: options.baseUrl, maxResponse })
    const remembers = policies.freshFor !== undefined || policies.staleIfError !== undefined
    const reader = HttpCall.reader(upstream, output)

    const attempts: HttpCall.Attempts = {
      upstream,
      wire,
      // Per attempt: the lesser of its own limit and the time left.
      limit: AttemptTimeout.limiter(upstream, policies.timeout),
      onSend: metrics.attempt
    }
    const attempt = HttpCall.attempt(
      attempts,
      ({ path }: Question<I>) => path,
      (response, { input }) => {
        const meaning = on[response.status]
        return meaning === undefined ? reader.answer(response) : Reading.of(meaning(input))
      }
    )
    const once = Ask.begin(Reading.values(stack.once(attempt)))

    const notFound = Effect.fail(new UpstreamError({ upstream, reason: new Status({ status: 404 }) }))
    const remembered: Freshness.Options = {
      ...Freshness.defaults,
      freshFor: policies.freshFor ?? 0,
      staleFor: policies.staleIfError ?? 0,
      capacity: policies.capacity ?? Freshness.defaults.capacity,
      onHit: metrics.cached
    }
    const archive = new Archive<A, E | UpstreamError>({
      capacity: remembers ? remembered.capacity : 0,
      keepMillis: Memory.keepMillis(remembered),
      read: reader.text,
      hash: hashOf(yield* Random.nextInt)
    })
    const memory = Memory.make<A, E | UpstreamError, Reading.Reading<A>>(remembered, archive)

    // A flight shares everything below it, and is the only place where a caller waits: so its deadline ends there.
    const { batch } = options
    const ask =
      batch === undefined
        ? stack.idempotent(attempt)
        : yield* HttpBatch.make<Question<I>, I, A, E>({
            batch,
            attempts,
            reader,
            missing: (input) => on[404]?.(input) ?? notFound,
            remembers,
            around: stack.idempotent,
            onSend: metrics.batch
          })
    const retries = policies.retries ?? 0
    const flights = yield* Flights.make({
      key: ({ key }: Question<I>) => key,
      ask: remembers ? Memory.learning(memory, ask) : Reading.values(ask),
      // All attempts, each begun a moment after it could be, and the waits between: an attempt ends by its own limit first.
      limit: (millis(policies.timeout) + 50) * (retries + 1) + 1000 * retries,
      enough: policies.timeout,
      late: Exit.fail(new UpstreamError({ upstream, reason: new Timeout({ limit: "deadline" }) })),
      onJoin: metrics.coalesced
    })

    const unsafe = Exit.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) }))

    const begin = (input: I): Direct.Begin<A, E | UpstreamError, never> => {
      const path = Ask.tried(() => options.request(input))
      if (Exit.isExit(path) || path.path === undefined) {
        const refused = Exit.isExit(path) ? path : unsafe
        return metrics.around((_caller, asker) => Direct.tell(asker, refused))
      }
      const question = { input, path, key: path.path }
      // The outermost: what the caller lived, rejections too.
      if (!Path.isIdempotent(path)) return metrics.around(once(question))
      const join: Direct.Begin<A, E | UpstreamError, never> = metrics.around((caller, asker) =>
        flights.join(question, caller, asker)
      )
      if (!remembers) return join
      return (caller, asker) => {
        const known = memory.known(question.key, caller.fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
        if (known === undefined) return join(caller, asker)
        if (caller.trail !== undefined) caller.trail.provenance = "cached"
        return Direct.tell(asker, known)
      }
    }

    return {
      fetch: (input) => Direct.make(begin(input), metrics.usualMillis),
      usualMillis: metrics.usualMillis,
      lastGood: (input) =>
        Direct.make(({ fiber }, asker) => {
          const path = Ask.tried(() => options.request(input))
          if (Exit.isExit(path)) return Direct.tell(asker, path)
          const known = memory.lastGood(path.path ?? "", fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
          if (Option.isSome(known)) metrics.stale()
          return Direct.tell(asker, Exit.succeed(known))
        })
    }
  })

/** An input and the request that it makes. The request's path is the key: nothing else of the caller is forwarded. */
interface Question<I> {
  readonly input: I
  readonly path: Path.Path
  readonly key: string
}

/** The policies around an attempt, nearest first: THE order, each made once for the upstream. */
const stackOf = (
  upstream: string,
  policies: Policies,
  metrics: CallMetrics.CallMetrics
): Effect.Effect<Record<"idempotent" | "once", Ask.Around<UpstreamError>>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const bulkhead = yield* bulkheadOf(upstream, policies, metrics)
    const hedge = orNone(policies.hedge, (hedge) => Hedge.make({ ...hedge, onHedge: metrics.hedge }))
    const retry = orNone(policies.retries, (times) =>
      Retry.make({
        times,
        budget: RetryBudget.make(policies.retryBudget ?? RetryBudget.defaults),
        onRetry: () => metrics.retry(true),
        onExhausted: () => metrics.retry(false)
      })
    )
    const breaker = yield* breakerOf(upstream, policies, metrics)
    return {
      idempotent: (attempt) =>
        pipe(
          attempt,
          // Per attempt, so that a back-off holds no permit and a hedge needs one of its own.
          bulkhead,
          // Inside the retry: a slow attempt and its hedge are one try, and fail as one.
          hedge,
          // Inside the breaker: a call that a retry saved was good.
          retry,
          // One opinion a logical call; refuses before a retry loop starts.
          breaker
        ),
      // What may have happened already is not sent again.
      once: (attempt) => pipe(attempt, bulkhead, breaker)
    }
  })

const bulkheadOf = (
  upstream: string,
  { bulkhead: permits }: Policies,
  metrics: CallMetrics.CallMetrics
): Effect.Effect<Ask.Around<UpstreamError>, never, Scope.Scope> => {
  if (permits === undefined) return Effect.succeed(none)
  const bulkhead = Bulkhead.make({ upstream, permits })
  return Effect.as(metrics.inFlight(bulkhead.inFlight), bulkhead.around)
}

const breakerOf = (
  upstream: string,
  { breaker: options }: Policies,
  metrics: CallMetrics.CallMetrics
): Effect.Effect<Ask.Around<UpstreamError>, never, Scope.Scope> => {
  const breaker =
    options === undefined ? undefined : Breaker.make({ ...options, upstream, onTransition: metrics.turned })
  // One that there is not lets everything pass.
  return Effect.as(metrics.circuit(breaker?.state ?? (() => "closed")), breaker?.around ?? none)
}

const orNone = <O>(options: O | undefined, make: (options: O) => Stackable<UpstreamError>): Ask.Around<UpstreamError> =>
  options === undefined ? none : make(options).around

const none: Ask.Around = (ask) => ask

const millis = (duration: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(duration))
