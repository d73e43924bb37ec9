import { assert, describe, it } from "@effect/vitest"
import * as Provenance from "@portico/call/Provenance"
import { Data, Effect, Exit, Fiber, Option, Random } from "effect"
import { TestClock } from "effect/testing"
import * as Coalesce from "../src/Coalesce.ts"
import * as Freshness from "../src/Freshness.ts"
import { Status, UpstreamError } from "../src/UpstreamError.ts"
import { fork } from "./Running.ts"

class NotFound extends Data.TaggedError("NotFound")<{}> {}

const down = new UpstreamError({ upstream: "thing", reason: new Status({ status: 503 }) })

interface Thing {
  readonly name: string
}

/** A memory, and an upstream behind it that answers `next` and counts. */
const memoryOf = (options: Partial<Freshness.Options>) => {
  const hits: Array<string> = []
  const memory = Freshness.make<Thing, NotFound | UpstreamError>({
    ...Freshness.defaults,
    onHit: () => hits.push("hit"),
    ...options
  })
  const asked: Array<string> = []
  const upstream = {
    next: (key: string): Effect.Effect<Thing, NotFound | UpstreamError> =>
      Effect.succeed({ name: `${key}${asked.length}` })
  }
  const fetch = (key: string) =>
    memory.around(
      key,
      Effect.suspend(() => {
        asked.push(key)
        return upstream.next(key)
      })
    )
  const nameOf = (key: string) => Effect.map(fetch(key), ({ name }) => name)
  return { ...memory, fetch, nameOf, asked, hits, upstream }
}

describe("Freshness", () => {
  describe("a fresh answer", () => {
    it.effect("is given again until it expires; then it is asked for again", () =>
      Effect.gen(function* () {
        const { nameOf, asked, hits } = memoryOf({ freshFor: "1 second" })
        assert.strictEqual(yield* nameOf("a"), "a1")
        yield* TestClock.adjust("900 millis")
        assert.strictEqual(yield* nameOf("a"), "a1")
        yield* TestClock.adjust("200 millis")
        assert.strictEqual(yield* nameOf("a"), "a2")
        yield* TestClock.adjust("900 millis")
        assert.strictEqual(yield* nameOf("a"), "a2")
        assert.deepStrictEqual(asked, ["a", "a"])
        assert.strictEqual(hits.length, 2)
      })
    )

    it.effect("lasts its time give or take 5 %, so that what was learnt at once is not forgotten at once", () =>
      Effect.gen(function* () {
        const { fetch, asked } = memoryOf({ freshFor: "1 second" })
        const keys = Array.from({ length: 1_000 }, (_, key) => `${key}`)
        const refetched = Effect.gen(function* () {
          const before = asked.length
          yield* Effect.forEach(keys, fetch, { concurrency: 1, discard: true })
          return asked.length - before
        })
        assert.strictEqual(yield* refetched, 1_000)
        yield* TestClock.adjust("949 millis")
        assert.strictEqual(yield* refetched, 0)
        yield* TestClock.adjust("51 millis")
        const half = yield* refetched
        assert.isTrue(half > 430 && half < 570, `${half}`)
        yield* TestClock.adjust("50 millis")
        assert.strictEqual(yield* refetched, 1_000 - half)
      }).pipe(Random.withSeed("freshness"))
    )

    it.effect("is fresh anew when what is asked for again is the very same object", () =>
      Effect.gen(function* () {
        const { fetch, asked, upstream, lastGood } = memoryOf({ freshFor: "1 second", staleFor: "1 minute" })
        const constant = Effect.succeed({ name: "always" })
        upstream.next = () => constant
        yield* fetch("a")
        yield* TestClock.adjust("1100 millis")
        yield* fetch("a")
        yield* TestClock.adjust("500 millis")
        yield* fetch("a")
        assert.strictEqual(asked.length, 2)
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: { name: "always" }, ageMillis: 500 }))
      })
    )

    it.effect("notes on the trail that it was not fetched", () =>
      Effect.gen(function* () {
        const { fetch } = memoryOf({ freshFor: "1 second" })
        const provenances = Effect.forEach(["a", "a"], (key) => {
          const trail: Provenance.Trail = { provenance: "fetched" }
          return Effect.as(Effect.provideService(fetch(key), Provenance.CurrentTrail, trail), trail)
        })
        assert.deepStrictEqual(yield* provenances, [{ provenance: "fetched" }, { provenance: "cached" }])
      })
    )

    it.effect("is not kept where answers are fresh for no time", () =>
      Effect.gen(function* () {
        const { fetch, asked } = memoryOf({ staleFor: "1 minute" })
        yield* Effect.all([fetch("a"), fetch("a")])
        assert.strictEqual(asked.length, 2)
      })
    )
  })

  describe("an error", () => {
    it.effect("of the domain is remembered briefly", () =>
      Effect.gen(function* () {
        const { fetch, asked, upstream, hits } = memoryOf({ freshFor: "1 minute", notFoundFor: "1 second" })
        upstream.next = () => Effect.fail(new NotFound())
        const twice = Effect.forEach([1, 2], () => Effect.flip(fetch("a")))
        assert.deepStrictEqual(yield* twice, [new NotFound(), new NotFound()])
        assert.deepStrictEqual([asked.length, hits.length], [1, 1])
        yield* TestClock.adjust("1 second")
        yield* twice
        assert.strictEqual(asked.length, 2)
      })
    )

    it.effect("of the domain is never remembered for longer than an answer", () =>
      Effect.gen(function* () {
        const { fetch, asked, upstream } = memoryOf({ freshFor: "100 millis", notFoundFor: "1 second" })
        upstream.next = () => Effect.fail(new NotFound())
        yield* Effect.flip(fetch("a"))
        yield* TestClock.adjust("100 millis")
        yield* Effect.flip(fetch("a"))
        assert.strictEqual(asked.length, 2)
      })
    )

    it.effect("of the upstream, a defect, and an interruption are not remembered", () =>
      Effect.gen(function* () {
        const { fetch, nameOf, asked, upstream, size } = memoryOf({ freshFor: "1 minute" })
        const good = upstream.next
        for (const bad of [Effect.fail(down), Effect.die("bug"), Effect.interrupt]) {
          upstream.next = () => bad
          assert.isTrue(Exit.isFailure(yield* Effect.exit(fetch("a"))))
        }
        assert.strictEqual(size(), 0)
        upstream.next = good
        assert.strictEqual(yield* nameOf("a"), "a4")
        assert.strictEqual(asked.length, 4)
      })
    )

    it.effect("of the domain takes the place of the answer before it, and is replaced by the next one", () =>
      Effect.gen(function* () {
        const { fetch, nameOf, upstream, lastGood, size } = memoryOf({ freshFor: "1 second", staleFor: "1 minute" })
        const good = upstream.next
        yield* fetch("a")
        yield* TestClock.adjust("1100 millis")
        upstream.next = () => Effect.fail(new NotFound())
        yield* Effect.flip(fetch("a"))
        assert.deepStrictEqual(yield* lastGood("a"), Option.none())
        yield* TestClock.adjust("1100 millis")
        upstream.next = good
        assert.strictEqual(yield* nameOf("a"), "a3")
        assert.strictEqual(yield* nameOf("a"), "a3")
        assert.strictEqual(size(), 1)
      })
    )

    it.effect("that is said to be no answer leaves what was there, around an Effect of any kind", () =>
      Effect.gen(function* () {
        const { fetch, asked, lastGood, upstream } = memoryOf({
          staleFor: "1 hour",
          freshFor: "1 second",
          isAnswer: (error) => !(error instanceof NotFound)
        })
        const answer = yield* fetch("a")
        yield* TestClock.adjust("2 seconds")
        upstream.next = () => Effect.fail(new NotFound())
        for (const expected of [2, 3]) {
          assert.isTrue(Exit.isFailure(yield* Effect.exit(fetch("a"))))
          // It is not remembered either.
          assert.strictEqual(asked.length, expected)
        }
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: answer, ageMillis: 2_000 }))
      })
    )

    it.effect("of which it cannot be said whether it is an answer teaches nothing, and passes", () =>
      Effect.gen(function* () {
        const { fetch, size, upstream } = memoryOf({
          freshFor: "1 second",
          isAnswer: () => {
            throw new Error("a bug in what is an answer")
          }
        })
        upstream.next = () => Effect.fail(new NotFound())
        assert.instanceOf(yield* Effect.flip(fetch("a")), NotFound)
        assert.strictEqual(size(), 0)
      })
    )

    it.effect("of the domain ends what could stand in, where nothing is ever fresh, too", () =>
      Effect.gen(function* () {
        const { fetch, upstream, lastGood } = memoryOf({ staleFor: "1 minute" })
        yield* fetch("a")
        upstream.next = () => Effect.fail(new NotFound())
        yield* Effect.flip(fetch("a"))
        assert.deepStrictEqual(yield* lastGood("a"), Option.none())
      })
    )
  })

  describe("the last good answer", () => {
    it.effect("is given with its age, when asked for, and not a moment longer than it may stand in", () =>
      Effect.gen(function* () {
        const { fetch, lastGood } = memoryOf({ staleFor: "30 seconds" })
        assert.deepStrictEqual(yield* lastGood("a"), Option.none())
        yield* fetch("a")
        yield* TestClock.adjust("12 seconds")
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: { name: "a1" }, ageMillis: 12_000 }))
        yield* TestClock.adjust("18 seconds")
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: { name: "a1" }, ageMillis: 30_000 }))
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(yield* lastGood("a"), Option.none())
      })
    )

    it.effect("is never given in silence: whoever asks while the upstream is down gets the error", () =>
      Effect.gen(function* () {
        const { fetch, upstream, lastGood } = memoryOf({ freshFor: "1 second", staleFor: "30 seconds" })
        yield* fetch("a")
        yield* TestClock.adjust("2 seconds")
        upstream.next = () => Effect.fail(down)
        assert.strictEqual(yield* Effect.flip(fetch("a")), down)
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: { name: "a1" }, ageMillis: 2_000 }))
      })
    )

    it.effect("is as old as its fetch, however often it was given since", () =>
      Effect.gen(function* () {
        const { fetch, lastGood } = memoryOf({ freshFor: "10 seconds", staleFor: "30 seconds" })
        yield* fetch("a")
        yield* TestClock.adjust("9 seconds")
        yield* fetch("a")
        assert.deepStrictEqual(yield* lastGood("a"), Option.some({ value: { name: "a1" }, ageMillis: 9_000 }))
      })
    )
  })

  describe("bounded memory", () => {
    it.effect("forgets the oldest first; an answer that is written again is the youngest", () =>
      Effect.gen(function* () {
        const { fetch, lastGood, size } = memoryOf({ staleFor: "1 minute", capacity: 3 })
        yield* Effect.forEach(["a", "b", "c", "a", "d"], fetch, { concurrency: 1, discard: true })
        const kept = yield* Effect.filter(["a", "b", "c", "d"], (key) => Effect.map(lastGood(key), Option.isSome))
        assert.deepStrictEqual(kept, ["a", "c", "d"])
        assert.strictEqual(size(), 3)
      })
    )

    it.effect("a flood of ids that do not exist pushes out no good answer, and is bounded too", () =>
      Effect.gen(function* () {
        const { fetch, nameOf, upstream, size } = memoryOf({ freshFor: "1 minute", capacity: 3 })
        yield* Effect.forEach(["a", "b", "c"], fetch, { concurrency: 1, discard: true })
        upstream.next = () => Effect.fail(new NotFound())
        yield* Effect.forEach(
          Array.from({ length: 1_000 }, (_, id) => `made up ${id}`),
          (key) => Effect.flip(fetch(key)),
          { concurrency: 1, discard: true }
        )
        assert.strictEqual(size(), 6)
        const names = yield* Effect.forEach(["a", "b", "c"], nameOf, { concurrency: 1 })
        assert.deepStrictEqual(names, ["a1", "b2", "c3"])
      })
    )
  })

  it.effect("an answer that expired under a hundred callers is fetched once, with a Coalesce under it", () =>
    Effect.gen(function* () {
      const { around, upstream, asked } = memoryOf({ freshFor: "1 second" })
      const shared = yield* Coalesce.make({
        key: (key: string) => key,
        call: (key) =>
          Effect.suspend(() => {
            asked.push(key)
            return Effect.andThen(Effect.sleep("20 millis"), upstream.next(key))
          }),
        limit: "1 second",
        enough: "100 millis",
        late: Exit.fail(down)
      })
      const crowd = Effect.forEach(
        Array.from({ length: 100 }, () => "a"),
        (key) => around(key, shared(key)),
        { concurrency: "unbounded" }
      )
      for (const expected of [1, 2, 3]) {
        const callers = yield* fork(crowd)
        yield* TestClock.adjust("20 millis")
        assert.strictEqual(new Set(yield* Fiber.join(callers)).size, 1)
        // Who comes now finds it fresh.
        yield* crowd
        assert.strictEqual(asked.length, expected)
        yield* TestClock.adjust("1100 millis")
      }
    })
  )
})
