/** An article's page, from three services: the article and then its author, and meanwhile what its readers say. */
import * as Deadline from "@portico/call/Deadline"
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Layer, Schema } from "effect"

const byId = Schema.Struct({ id: Schema.String })
const Text = Schema.Struct({ title: Schema.String, text: Schema.String, authorId: Schema.String })
const Person = Schema.Struct({ name: Schema.String })
const Thread = Schema.Array(Schema.Struct({ by: Schema.String, says: Schema.String }))

export class NoArticle extends Schema.TaggedError<NoArticle>()("NoArticle", byId.fields) {}

const article = { input: byId, output: Text, errors: [NoArticle] } as const
export class Article extends Upstream.Service<Article>()("article", article) {}
export class Author extends Upstream.Service<Author>()("author", { input: byId, output: Person, errors: [] }) {}
export class Comments extends Upstream.Service<Comments>()("comments", { input: byId, output: Thread, errors: [] }) {}

const policies: Upstream.Policies = { timeout: "400 millis", retries: 1, staleIfError: "1 hour" }

export const layer = (at: Readonly<Record<"article" | "author" | "comments", URL>>) =>
  Layer.mergeAll(
    Article.layerHttp({
      baseUrl: at.article,
      request: ({ id }) => Path.get`/articles/${id}`,
      on: { 404: ({ id }) => new NoArticle({ id }) },
      policies
    }),
    Author.layerHttp({ baseUrl: at.author, request: ({ id }) => Path.get`/authors/${id}`, policies }),
    Comments.layerHttp({ baseUrl: at.comments, request: ({ id }) => Path.get`/comments?article=${id}`, policies })
  )

export const page = (id: string) =>
  FanOut.degrade({
    article: Part.followedBy(Part.required(Article.fetch({ id })), {
      author: ({ authorId: id }) => Part.optional(Author.fetch({ id }), { stale: Author.lastGood({ id }) })
    }),
    comments: Part.optional(Comments.fetch({ id }), { stale: Comments.lastGood({ id }), fallback: () => [] })
  }).pipe(Deadline.within("900 millis"))
