/**
 * Generators of valid values, from the schemas that the domain is written in: for properties that must hold for every room,
 * answer and error, and not only for the examples that somebody thought of.
 *
 * `it.effect.prop` of `@effect/vitest` takes a schema as it is, brands and patterns included; use this module for what a
 * schema alone does not say: a value with the JSON that an upstream sends for it, and errors as they occur.
 *
 * @example
 * it.effect.prop("is decoded", { answer: Generators.onTheWire(RoomStatistics) }, ({ answer }) =>
 *   Effect.map(decode(answer.body), (value) => assert.deepStrictEqual(value, answer.value))
 * )
 */
import {
  Payload,
  type Reason,
  Rejected,
  Status,
  Timeout,
  Unreachable,
  UpstreamError
} from "@portico/upstream/UpstreamError"
import { Arbitrary, Option, Predicate, Result, Schema } from "effect"

/** Valid values of a schema, with a preference for the awkward ones: empty, long, at the edge of a range, `__proto__`. */
export const of = <S extends Schema.Constraint>(schema: S): Arbitrary.Arbitrary<S["Type"]> => Arbitrary.schema(schema)

/** A value, and a body of JSON text that an upstream might send for it. */
export interface OnTheWire<A> {
  readonly value: A
  readonly body: string
}

/**
 * Values of a schema with their body. JSON has no NaN, no infinity and no negative zero: a value that it cannot carry is what
 * its body means, or is left out.
 */
export const onTheWire = <A, S>(schema: Schema.ConstraintCodec<A, S>): Arbitrary.Arbitrary<OnTheWire<A>> => {
  const encode = Schema.encodeUnknownOption(schema)
  const decode = Schema.decodeUnknownOption(schema)
  return Arbitrary.filterMap(of(schema), (generated) =>
    encode(generated).pipe(
      Option.map((json) => JSON.stringify(json)),
      // Nothing at all has no JSON.
      Option.filter(Predicate.isString),
      Option.flatMap((body) => Option.map(decode(JSON.parse(body)), (value) => ({ value, body }))),
      Result.fromOption(() => generated)
    )
  )
}

/** Every reason for which a call can fail, with statuses from 300 to 599 and pauses of up to a minute. */
export const reason: Arbitrary.Arbitrary<Reason> = Arbitrary.flatMap(
  of(Schema.Literals(["Unreachable", "Timeout", "Status", "Payload", "Rejected"])),
  (tag): Arbitrary.Arbitrary<Reason> => reasons[tag]
)

/** Failures of calls to `upstream`, for every {@link reason}. */
export const upstreamError = (upstream: string): Arbitrary.Arbitrary<UpstreamError> =>
  Arbitrary.map(reason, (reason) => new UpstreamError({ upstream, reason }))

const pause = Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60_000 })))

const reasons: Readonly<Record<Reason["_tag"], Arbitrary.Arbitrary<Reason>>> = {
  Unreachable: of(Unreachable),
  Timeout: of(Timeout),
  Payload: of(Payload),
  Rejected: Arbitrary.map(
    of(Schema.Struct({ by: Rejected.fields.by, retryAfterMillis: pause })),
    (fields) => new Rejected(fields)
  ),
  Status: Arbitrary.map(
    of(
      Schema.Struct({
        status: Schema.Int.check(Schema.isBetween({ minimum: 300, maximum: 599 })),
        retryAfterMillis: pause
      })
    ),
    (fields) => new Status(fields)
  )
}
