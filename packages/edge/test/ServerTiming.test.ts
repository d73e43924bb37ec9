import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as ServerTiming from "../src/ServerTiming.ts"

const millis = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e6 }))

describe("Server-Timing", () => {
  it.effect.prop("says milliseconds to a tenth", { millis }, ({ millis }) =>
    Effect.sync(() => {
      const metric = { name: "live", millis, description: "fetched" }
      assert.strictEqual(ServerTiming.format([metric]), `live;dur=${Math.round(millis * 10) / 10};desc="fetched"`)
    })
  )
})
