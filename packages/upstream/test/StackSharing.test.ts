/** Who shares a fetch with whom, through the whole stack, when everybody has little time and none has the same. */
import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import { Effect, type Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { outcome, thingOver } from "./PlayedThing.ts"
import { fork } from "./Running.ts"

const answersAfter = (millis: number) => Effect.andThen(Effect.sleep(millis), PlayedTransport.ok({ name: "a thing" }))

/** A hundred callers, one each millisecond; who comes later has more time, and all have less than an attempt may take. */
const crowd = (fetch: (id: number) => Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const callers: Array<Fiber.Fiber<Exit.Exit<unknown, unknown>>> = []
    for (let nth = 0; nth < 100; nth++) {
      callers.push(yield* fork(Effect.exit(Deadline.within(500 + nth)(fetch(1)))))
      yield* TestClock.adjust("1 millis")
    }
    yield* TestClock.adjust("1 second")
    return (yield* Effect.forEach(callers, Fiber.join)).map(outcome)
  })

const ok = Array.from({ length: 100 }, () => "ok")

describe("a crowd with little time", () => {
  it.effect("shares one fetch, the first time and each time that what was fresh has expired", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => answersAfter(200), {
        timeout: "800 millis",
        freshFor: "500 millis"
      })
      for (const expected of [1, 2, 3]) {
        assert.deepStrictEqual(yield* crowd(fetch), ok)
        assert.strictEqual(exchanges.length, expected)
      }
    })
  )

  it.effect("is not let down by who has hardly any, where the upstream does as it is told", () =>
    Effect.gen(function* () {
      const told = ({ headers }: PlayedTransport.Exchange) => Number(headers["x-envoy-expected-rq-timeout-ms"])
      const { fetch, exchanges } = yield* thingOver(
        (exchange) =>
          told(exchange) < 300
            ? Effect.andThen(Effect.sleep(told(exchange) * 0.9), PlayedTransport.status(504))
            : answersAfter(300),
        { timeout: "800 millis" }
      )
      const hasty = yield* fork(Effect.exit(Deadline.within("50 millis")(fetch(1))))
      const others = yield* Effect.forEach([800, 450, 400], (budget) =>
        fork(Effect.exit(Deadline.within(budget)(fetch(1))))
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual(outcome(yield* Fiber.join(hasty)), "Status 504")
      assert.deepStrictEqual((yield* Effect.forEach(others, Fiber.join)).map(outcome), ["ok", "ok", "ok"])
      assert.deepStrictEqual(exchanges.map(told), [50, 800])
    })
  )

  it.effect("whoever has more time than the first gets an answer that comes too late for the first", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => answersAfter(250), { timeout: "800 millis" })
      const first = yield* fork(Effect.exit(Deadline.within("200 millis")(fetch(1))))
      yield* TestClock.adjust("100 millis")
      const second = yield* fork(Effect.exit(Deadline.within("180 millis")(fetch(1))))
      yield* TestClock.adjust("150 millis")
      assert.deepStrictEqual(
        [outcome(yield* Fiber.join(first)), outcome(yield* Fiber.join(second))],
        ["Timeout of deadline", "ok"]
      )
      assert.strictEqual(exchanges.length, 1)
    })
  )

  it.effect("alone, whoever's time is over ends the request, and it says nothing of the upstream", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* thingOver(() => Effect.never, {
        timeout: "800 millis",
        breaker: { ...Breaker.defaults, minimum: 3 }
      })
      for (let nth = 0; nth < 5; nth++) {
        const caller = yield* fork(Effect.exit(Deadline.within("200 millis")(fetch(1))))
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(outcome(yield* Fiber.join(caller)), "Timeout of deadline")
        assert.strictEqual(exchanges[nth]?.state, "aborted")
      }
    })
  )
})
