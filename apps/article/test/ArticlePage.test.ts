import { assert, describe, it } from "@effect/vitest"
import * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import { Timeout, UpstreamError } from "@portico/upstream/UpstreamError"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as ArticlePage from "../src/ArticlePage.ts"

const text = { title: "On waiting", text: "It is the longest wait that counts.", authorId: "7" }
const thread = [{ by: "a reader", says: "True." }]

const article = ArticlePage.Article.layerFake(({ id }) =>
  id === "1" ? Effect.delay(Effect.succeed(text), 100) : Effect.fail(new ArticlePage.NoArticle({ id }))
)
const author = ArticlePage.Author.layerFake(({ id }) => Effect.delay(Effect.succeed({ name: `Author ${id}` }), 50))
const comments = ArticlePage.Comments.layerFake(() => Effect.delay(Effect.succeed(thread), 120))

const late = (upstream: string) => new UpstreamError({ upstream, reason: new Timeout({ limit: "attempt" }) })

describe("an article's page, on fakes", () => {
  it.effect("has the article, its author and its comments in the time of the longest way through them", () =>
    Effect.gen(function* () {
      const timeline = yield* Timeline.make
      const fiber = yield* Effect.forkChild(
        ArticlePage.page("1").pipe(
          Timeline.record(timeline),
          Effect.provide(Layer.mergeAll(article, author, comments))
        ),
        { startImmediately: true }
      )
      yield* TestClock.adjust(150)
      const page = fiber.pollUnsafe()
      assert.strictEqual(page?._tag, "Success")
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        article: { self: text, steps: { author: Part.ok({ name: "Author 7" }) } },
        comments: Part.ok(thread)
      })
      assert.deepStrictEqual(
        timeline.marks.map(({ part, startMillis, endMillis }) => [part, startMillis, endMillis]),
        [
          ["article", 0, 100],
          ["comments", 0, 120],
          ["article/author", 100, 150]
        ]
      )
    })
  )

  it.effect("stands without an author and without comments", () =>
    Effect.gen(function* () {
      const broken = Layer.mergeAll(
        article,
        ArticlePage.Author.layerFake(() => Effect.fail(late("author"))),
        ArticlePage.Comments.layerFake(() => Effect.fail(late("comments")))
      )
      const fiber = yield* Effect.forkChild(Effect.provide(ArticlePage.page("1"), broken), { startImmediately: true })
      yield* TestClock.adjust(100)
      assert.deepStrictEqual(yield* Fiber.join(fiber), {
        article: { self: text, steps: { author: { status: "failed" as const, error: late("author") } } },
        comments: { status: "fallback" as const, data: [], error: late("comments") }
      })
    })
  )

  it.effect("is nothing without the article", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(ArticlePage.page("2"), Layer.mergeAll(article, author, comments)))
      assert.deepStrictEqual(error, new ArticlePage.NoArticle({ id: "2" }))
    })
  )
})
