/**
 * One call to one dependency: its definition, its layers, and THE order of the policies.
 *
 * An upstream is a Context service with one method, `fetch`. Its definition is a contract (name, input, output, domain
 * errors) and says nothing of how the answer is had; that is a Layer: {@link ServiceClass.layerHttp} asks a real service,
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
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Clock, Context, Duration, Effect, Layer, Random, Schema } from "effect"
import * as AttemptTimeout from "./AttemptTimeout.ts"
import type { Path } from "./Path.ts"
import * as RetryAfter from "./RetryAfter.ts"
import { type Response, Transport, type Wire } from "./Transport.ts"
import { Payload, Rejected, Status, UpstreamError } from "./UpstreamError.ts"

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
  readonly fetch: (input: I) => Effect.Effect<A, E | UpstreamError>
}

/** Where an upstream is and what is asked of it there. */
export interface HttpOptions<I, A, E> {
  readonly baseUrl: URL
  readonly request: (input: I) => Path
  /** What a status means in the domain: an error of the definition, or an answer after all. Any other non-2xx is `Status`. */
  readonly on?: Readonly<Record<number, (input: I) => Effect.Effect<A, E>>>
  readonly policies: Policies
}

/** The numbers of the policies. Their order is not up for choice. */
export interface Policies {
  /** The limit of one attempt. */
  readonly timeout: Duration.Input
  /** The largest body taken, in bytes. */
  readonly maxResponse: number
}

export interface ServiceClass<Self, Name extends string, I, A, E> extends Context.ServiceClass<
  Self,
  `portico/upstream/${Name}`,
  Fetcher<I, A, E>
> {
  readonly upstream: Name
  /** Asks the upstream. */
  fetch(input: I): Effect.Effect<A, E | UpstreamError, Self>
  /** The real one: over HTTP, with every policy. */
  layerHttp(options: HttpOptions<I, A, E>): Layer.Layer<Self, never, Transport>
  /** A function in place of the service, for tests. No policy stands before it. */
  layerFake(fetch: (input: I) => Effect.Effect<A, E | UpstreamError>): Layer.Layer<Self>
}

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
      fetch: (input: I["Type"]) => Effect.flatMap(Tag, (service) => service.fetch(input)),
      layerHttp: (options: HttpOptions<I["Type"], O["Type"], E[number]["Type"]>) =>
        Layer.effect(Tag, overHttp(name, definition.output, options)),
      layerFake: (fetch: Shape["fetch"]) => Layer.succeed(Tag, { fetch })
    })
  }

const overHttp = <I, A, E>(name: string, output: Schema.ConstraintDecoder<A>, options: HttpOptions<I, A, E>) =>
  Effect.map(
    Effect.flatMap(Transport, (transport) =>
      transport.connect({ upstream: name, baseUrl: options.baseUrl, maxResponse: options.policies.maxResponse })
    ),
    (wire): Fetcher<I, A, E> => {
      const interpret = interpreter(name, output, options)
      const timeout = AttemptTimeout.make(name, options.policies.timeout)
      const limit = Duration.toMillis(Duration.fromInputUnsafe(options.policies.timeout))
      const ask = asker(name, wire, limit)
      return {
        // The nearest to the wire stands first.
        fetch: (input) =>
          ask(options.request(input)).pipe(
            // Every cause has become one reason before any policy looks.
            Effect.flatMap((response) => interpret(response, input)),
            // Per attempt: the lesser of its own limit and the time left.
            timeout
          )
      }
    }
  )

/** Puts a request on the wire, with the headers that travel with every call. */
const asker = (upstream: string, wire: Wire, limit: number) => {
  const unsafe = new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) })
  return ({ method, path, body }: Path): Effect.Effect<Response, UpstreamError> =>
    Effect.withFiber((fiber) => {
      if (path === undefined) return Effect.fail(unsafe)
      const left = Deadline.left(fiber.getRef(Deadline.Deadline), fiber.getRef(Clock.Clock))
      const headers = ["accept", "application/json", Deadline.header, Deadline.toHeader(Math.min(limit, left))]
      const requestId = fiber.getRef(RequestId.RequestId)
      if (requestId !== "") headers.push(RequestId.header, requestId)
      const trace = fiber.getRef(TraceContext.TraceContext)
      if (trace !== undefined) {
        headers.push(TraceContext.header, TraceContext.toHeader(trace, fiber.getRef(Random.Random)))
      }
      if (body === undefined) return wire({ method, path, headers })
      headers.push("content-type", "application/json")
      return wire({ method, path, headers, body })
    })
}

/** Makes an answer of the domain, or one reason, of what came over the wire. */
const interpreter = <I, A, E>(upstream: string, output: Schema.ConstraintDecoder<A>, { on }: HttpOptions<I, A, E>) => {
  const decode = Schema.decodeUnknownExit(output)
  const notJson = new UpstreamError({ upstream, reason: new Payload({ why: "not JSON" }) })
  const notTheSchema = new UpstreamError({ upstream, reason: new Payload({ why: "not the schema" }) })
  return ({ status, headers, body }: Response, input: I): Effect.Effect<A, E | UpstreamError> => {
    const meant = on?.[status]
    if (meant !== undefined) return meant(input)
    if (status < 200 || status > 299) {
      return Effect.flatMap(RetryAfter.parse(headers["retry-after"]), (retryAfterMillis) =>
        Effect.fail(
          new UpstreamError({
            upstream,
            reason: new Status({ status, ...(retryAfterMillis === undefined ? {} : { retryAfterMillis }) })
          })
        )
      )
    }
    const json = parseJson(body)
    if (json === undefined) return Effect.fail(notJson)
    const decoded = decode(json)
    return decoded._tag === "Success" ? Effect.succeed(decoded.value) : Effect.fail(notTheSchema)
  }
}

// `undefined` is no JSON value: it can stand for "not JSON".
const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString("utf8"))
  } catch {
    return undefined
  }
}
