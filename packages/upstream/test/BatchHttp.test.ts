import { assert, describe, it } from "@effect/vitest"
import * as Deadline from "@portico/call/Deadline"
import { Effect, Exit, Fiber, Layer, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Breaker from "../src/Breaker.ts"
import * as Path from "../src/Path.ts"
import * as Upstream from "../src/Upstream.ts"
import { outcome, steady } from "./PlayedThing.ts"
import * as PlayedTransport from "./PlayedTransport.ts"
import { fork } from "./Running.ts"

class NoItem extends Schema.TaggedError<NoItem>()("NoItem", { id: Schema.String }) {}

class Item extends Upstream.Service<Item>()("item", {
  input: Schema.Struct({ id: Schema.String }),
  output: Schema.Struct({ id: Schema.String, count: Schema.Int }),
  errors: [NoItem]
}) {}

/** Item in its batch form over a played wire; `on404`: whether a 404 has a meaning. */
const itemOver = (play: PlayedTransport.Play, policies: Partial<Upstream.Policies> = {}, on404 = true) =>
  Effect.gen(function* () {
    const { layer, exchanges } = PlayedTransport.make(play)
    const http = Item.layerHttp({
      baseUrl: new URL("http://item.example"),
      request: ({ id }) => Path.get`/items/${id}`,
      ...(on404 ? { on: { 404: ({ id }: { readonly id: string }) => new NoItem({ id }) } } : {}),
      batch: {
        request: (inputs) => Path.get`/items?ids=${inputs.map(({ id }) => id).join(",")}`,
        id: ({ id }) => id,
        field: "id"
      },
      policies: { timeout: "100 millis", ...policies }
    })
    const context = yield* Layer.build(Layer.provide(http, layer))
    const fetch = (id: string) => Effect.provide(Item.fetch({ id }), context)
    return { fetch, exchanges }
  }).pipe(Effect.provideService(Random.Random, steady))

/** Answers the ids asked for with `item`, and leaves out those of which it says nothing. */
const answering =
  (item: (id: string) => unknown): PlayedTransport.Play =>
  ({ path }) =>
    Effect.andThen(
      Effect.sleep("10 millis"),
      PlayedTransport.ok({ items: idsOf(path).flatMap((id) => item(id) ?? []) })
    )

const idsOf = (path: string): ReadonlyArray<string> => decodeURIComponent(path.slice(path.indexOf("=") + 1)).split(",")

const good = (id: string) => ({ id, count: Number(id) })

const fetchAll = <A, E, R>(ids: ReadonlyArray<string>, fetch: (id: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.forEach(ids, (id) => fork(Effect.exit(fetch(id))))
    yield* TestClock.adjust("1 second")
    return yield* Effect.forEach(fibers, Fiber.join)
  })

const ids = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, id) => `${id}`)

describe("an upstream in its batch form", () => {
  it.effect("250 fetches are three requests of at most 100 ids, and each gets its own", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* itemOver(answering(good))
      const exits = yield* fetchAll(ids(250), fetch)
      assert.deepStrictEqual(
        exits,
        ids(250).map((id) => Exit.succeed(good(id)))
      )
      assert.deepStrictEqual(
        exchanges.map(({ path, at }) => [idsOf(path).length, at]),
        [
          [100, 0],
          [100, 0],
          [50, 1]
        ]
      )
    })
  )

  it.effect("fetches of one id are asked for once: they share a flight before they share a request", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* itemOver(answering(good))
      yield* fetchAll(["1", "2", "1", "1"], fetch)
      assert.deepStrictEqual(
        exchanges.map(({ path }) => path),
        ["/items?ids=1%2C2"]
      )
    })
  )

  it.effect("one that hangs is ended by the limit of its attempt, though that began after the flight", () =>
    Effect.gen(function* () {
      const { fetch } = yield* itemOver(() => Effect.never)
      assert.deepStrictEqual((yield* fetchAll(["1", "2"], fetch)).map(outcome), [
        "Timeout of attempt",
        "Timeout of attempt"
      ])
    })
  )

  it.effect("what one request brought is remembered of each id", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* itemOver(answering(good), { freshFor: "1 minute" })
      const first = yield* fetchAll(["1", "2"], fetch)
      const again = yield* fetchAll(["2", "1", "2"], fetch)
      assert.deepStrictEqual(first, [Exit.succeed(good("1")), Exit.succeed(good("2"))])
      assert.deepStrictEqual(again, [Exit.succeed(good("2")), Exit.succeed(good("1")), Exit.succeed(good("2"))])
      assert.strictEqual(exchanges.length, 1)
    })
  )

  it.effect("an id that the answer leaves out is what a 404 means; a spoilt item fails alone", () =>
    Effect.gen(function* () {
      const { fetch } = yield* itemOver(
        answering((id) => (id === "2" ? undefined : id === "3" ? { id, count: "many" } : good(id)))
      )
      const exits = yield* fetchAll(["1", "2", "3", "4"], fetch)
      assert.deepStrictEqual(exits.map(outcome), ["ok", "domain error", "Payload", "ok"])
      assert.deepStrictEqual(exits[1], Exit.fail(new NoItem({ id: "2" })))
    })
  )

  it.effect("where a 404 has no meaning, an id left out is a status of 404", () =>
    Effect.gen(function* () {
      const { fetch } = yield* itemOver(
        answering(() => undefined),
        {},
        false
      )
      assert.deepStrictEqual((yield* fetchAll(["1"], fetch)).map(outcome), ["Status 404"])
    })
  )

  it.effect("an answer without items is spoilt for each of them, and so is one that is no JSON", () =>
    Effect.gen(function* () {
      const plays = [PlayedTransport.ok({ things: [] }), PlayedTransport.ok([]), PlayedTransport.status(200)]
      const { fetch } = yield* itemOver((_, nth) => plays[nth - 1] ?? Effect.never)
      for (const _ of plays) {
        assert.deepStrictEqual((yield* fetchAll(["1", "2"], fetch)).map(outcome), ["Payload", "Payload"])
      }
    })
  )

  it.effect("a request that fails is retried as one, and is one outcome for the breaker", () =>
    Effect.gen(function* () {
      const breaker = { ...Breaker.defaults, minimum: 2, openFor: "30 seconds" } as const
      const { fetch, exchanges } = yield* itemOver(() => PlayedTransport.status(503), { breaker, retries: 1 })
      const statuses = Array.from({ length: 50 }, () => "Status 503")
      assert.deepStrictEqual((yield* fetchAll(ids(50), fetch)).map(outcome), statuses)
      assert.deepStrictEqual((yield* fetchAll(ids(50), fetch)).map(outcome), statuses)
      assert.strictEqual(exchanges.length, 4)
      assert.deepStrictEqual((yield* fetchAll(["1"], fetch)).map(outcome), ["Rejected by circuit breaker"])
      assert.strictEqual(exchanges.length, 4)
    })
  )

  it.effect("a caller with little time does not cut the request short for the others", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* itemOver(() =>
        Effect.andThen(Effect.sleep("50 millis"), PlayedTransport.ok({ items: [good("1"), good("2")] }))
      )
      const hurried = yield* fork(Effect.exit(Deadline.within("20 millis")(fetch("1"))))
      const patient = yield* fork(Effect.exit(fetch("2")))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        [outcome(yield* Fiber.join(hurried)), outcome(yield* Fiber.join(patient))],
        ["Timeout of deadline", "ok"]
      )
      assert.strictEqual(exchanges.length, 1)
    })
  )

  it.effect("the request is aborted when the last of its callers has left", () =>
    Effect.gen(function* () {
      const { fetch, exchanges } = yield* itemOver(() => Effect.never)
      const callers = yield* Effect.forEach(["1", "2"], (id) => fork(fetch(id)))
      yield* TestClock.adjust("1 millis")
      for (const [caller, state] of [
        [callers[0], "open"],
        [callers[1], "aborted"]
      ] as const) {
        if (caller !== undefined) yield* Fiber.interrupt(caller)
        assert.deepStrictEqual(
          exchanges.map((exchange) => exchange.state),
          [state]
        )
      }
    })
  )

  for (const what of ["request", "group"] as const) {
    it.effect(`a ${what} that throws is a defect of its callers, who do not wait for ever`, () =>
      Effect.gen(function* () {
        const broken = (): never => {
          throw new Error("broken")
        }
        const { layer } = PlayedTransport.make(answering(good))
        const http = Item.layerHttp({
          baseUrl: new URL("http://item.example"),
          request: ({ id }) => Path.get`/items/${id}`,
          batch: { request: () => Path.get`/items`, id: ({ id }) => id, field: "id", [what]: broken },
          policies: { timeout: "100 millis" }
        })
        const item = yield* Layer.build(Layer.provide(http, layer))
        const exits = yield* fetchAll(["1", "2"], (id) => Effect.provide(Item.fetch({ id }), item))
        assert.deepStrictEqual(exits, [Exit.die(new Error("broken")), Exit.die(new Error("broken"))])
      })
    )
  }
})
