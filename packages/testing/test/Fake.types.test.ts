import { describe, expectTypeOf, it } from "@effect/vitest"
import * as Upstream from "@portico/upstream/Upstream"
import type { Reason, UpstreamError } from "@portico/upstream/UpstreamError"
import { type Effect, type Layer, Schema } from "effect"
import * as Fake from "../src/Fake.ts"
import * as FakeUpstream from "../src/FakeUpstream.ts"
import { type NoThing, Thing, type ThingId, type ThingInfo } from "./thing.ts"

/** An upstream without errors of its own. */
class Plain extends Upstream.Service<Plain>()("plain", { input: Schema.Int, output: Schema.String, errors: [] }) {}

const failingThing = (error: Parameters<FakeUpstream.Call<never, never, NoThing>["fail"]>[0]) =>
  Fake.failing(Thing, error)
const failingPlain = (error: Reason | UpstreamError) => Fake.failing(Plain, error)

describe("the types of a fake", () => {
  it("follow from the upstream's class: its input, its answer, its errors", () => {
    expectTypeOf(FakeUpstream.make(Thing)).toEqualTypeOf<
      Effect.Effect<FakeUpstream.FakeUpstream<Thing, { readonly id: ThingId }, ThingInfo, NoThing>>
    >()
    expectTypeOf(FakeUpstream.make(Plain)).toEqualTypeOf<
      Effect.Effect<FakeUpstream.FakeUpstream<Plain, number, string, never>>
    >()
  })

  it("let it fail with the errors of its definition and with reasons, and with nothing else", () => {
    expectTypeOf(failingThing).parameter(0).toEqualTypeOf<NoThing | Reason | UpstreamError>()
    expectTypeOf(failingThing).returns.toEqualTypeOf<Layer.Layer<Thing>>()
    expectTypeOf(failingPlain).returns.toEqualTypeOf<Layer.Layer<Plain>>()
    // @ts-expect-error -- an error that the upstream does not have
    expectTypeOf(() => Fake.failing(Plain, new Error("other"))).toBeFunction()
    // @ts-expect-error -- an answer of another shape
    expectTypeOf(() => Fake.table(Plain, [[1, 2]])).toBeFunction()
  })
})
