import { assert, describe, it } from "@effect/vitest"
import { Reason, UpstreamError } from "@portico/upstream/UpstreamError"
import { Arbitrary, Effect, Schema } from "effect"
import * as Generators from "../src/Generators.ts"
import { ThingId, ThingInfo } from "./thing.ts"

const many = { arbitrary: { runs: 300 } }

describe("generated values", () => {
  it.effect.prop(
    "are of their schema, a branded id with a pattern included",
    { id: Generators.of(ThingId) },
    ({ id }) => Effect.sync(() => assert.match(id, /^[a-z]{1,8}$/)),
    many
  )

  it.effect.prop(
    "are what their body on the wire means",
    { thing: Generators.onTheWire(ThingInfo) },
    ({ thing }) =>
      Effect.gen(function* () {
        const decoded = yield* Schema.decodeEffect(Schema.fromJsonString(ThingInfo))(thing.body)
        assert.deepStrictEqual(decoded, thing.value)
      }),
    many
  )

  it.effect.prop(
    "of a number that JSON cannot carry are none",
    // @effect-diagnostics-next-line schemaNumber:off
    { number: Generators.onTheWire(Schema.Number) },
    ({ number: { value, body } }) =>
      Effect.sync(() => {
        assert.isTrue(Number.isFinite(value))
        assert.isFalse(Object.is(value, -0))
        assert.strictEqual(JSON.parse(body), value)
      }),
    many
  )
})

describe("generated failures", () => {
  it.effect.prop(
    "are of the upstream, as they occur",
    { error: Generators.upstreamError("thing") },
    ({ error }) =>
      Effect.sync(() => {
        assert.instanceOf(error, UpstreamError)
        assert.strictEqual(error.upstream, "thing")
        if (error.reason._tag === "Status") {
          assert.isAtLeast(error.reason.status, 300)
          assert.isAtMost(error.reason.status, 599)
        }
        if (error.retryAfterMillis !== undefined) assert.isAtLeast(error.retryAfterMillis, 0)
      }),
    many
  )

  it.effect("have every reason among them", () =>
    Effect.gen(function* () {
      const errors = yield* Arbitrary.sampleEffect(Generators.reason, { count: 200, seed: 1 })
      const tags = Reason.members.map(({ fields }) => fields._tag.schema.literal)
      assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(tags))
    })
  )
})
