import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import * as RequestId from "../src/RequestId.ts"
import * as TraceContext from "../src/TraceContext.ts"

const random = Effect.withFiber((fiber) => Effect.succeed(fiber.getRef(Random.Random)))

describe("TraceContext", () => {
  it("goes on with a trace that came in, and refuses a malformed one", () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert.deepStrictEqual(TraceContext.fromHeader(`00-${traceId}-00f067aa0ba902b7-01`), { traceId, flags: "01" })
    for (const bad of [
      undefined,
      "",
      `ff-${traceId}-00f067aa0ba902b7-01`,
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
      `00-${traceId}-${"0".repeat(16)}-01`,
      `00-${traceId}-00f067aa0ba902b7`
    ]) {
      assert.isUndefined(TraceContext.fromHeader(bad), String(bad))
    }
  })

  it.effect("writes a header that it would read, with a new span id each time", () =>
    Effect.gen(function* () {
      const r = yield* random
      const trace = TraceContext.make(r)
      const [first, second] = [TraceContext.toHeader(trace, r), TraceContext.toHeader(trace, r)]
      assert.deepStrictEqual(TraceContext.fromHeader(first), trace)
      assert.notStrictEqual(first, second)
    })
  )

  it.effect("RequestId takes over what is safe to log, and makes 32 hex digits otherwise", () =>
    Effect.gen(function* () {
      assert.strictEqual(RequestId.accept("req-1.a:b/c"), "req-1.a:b/c")
      for (const bad of [undefined, "", "a b", 'a"b', "a\nb", "é", "x".repeat(129)])
        assert.isUndefined(RequestId.accept(bad))
      assert.match(RequestId.make(yield* random), /^[0-9a-f]{32}$/)
    })
  )
})
