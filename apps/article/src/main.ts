/** `node src/main.ts`, told by the environment: `ARTICLE_URL`, `AUTHOR_URL`, `COMMENTS_URL`, and perhaps `PORT`. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Envelope from "@portico/edge/Envelope"
import * as Problem from "@portico/edge/Problem"
import * as ServerTiming from "@portico/edge/ServerTiming"
import * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import { Transport } from "@portico/upstream/Transport"
import { Config, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import * as ArticlePage from "./ArticlePage.ts"

const answer = Effect.gen(function* () {
  const { id = "" } = yield* HttpRouter.params
  const timeline = yield* Timeline.make
  const response = yield* ArticlePage.page(id).pipe(
    Timeline.record(timeline),
    Effect.map(({ article: { self, steps }, comments: thread }) => {
      const [author, comments] = [Part.dataOf(steps.author), Part.dataOf(thread)]
      return HttpServerResponse.jsonUnsafe({ ...self, author, comments })
    }),
    Effect.catchTag("NoArticle", ({ _tag: tag }) => Problem.respond({ status: 404, tag, detail: "There is none." })),
    Effect.catch(({ _tag: tag, upstream, message: detail }) => Problem.respond({ status: 502, tag, upstream, detail }))
  )
  return HttpServerResponse.setHeader(response, "server-timing", ServerTiming.format(Timeline.metrics(timeline)))
})

const routes = HttpRouter.add("GET", "/articles/:id", answer).pipe(Layer.provide(Envelope.layer))
const port = Config.Int("PORT").pipe(Config.withDefault(8080))
const server = NodeHttpServer.layerConfig(createServer, { host: Config.succeed("127.0.0.1"), port })
const url = (upstream: string) => Config.URL(`${upstream}_URL`)
const urls = Config.all({ article: url("ARTICLE"), author: url("AUTHOR"), comments: url("COMMENTS") })
const upstreams = Layer.unwrap(Effect.map(urls, ArticlePage.layer)).pipe(Layer.provide(Transport.layer))

NodeRuntime.runMain(Layer.launch(HttpRouter.serve(routes).pipe(Layer.provide([server, upstreams]))))
