/** An upstream with policies, asked over a socket: a retry saves the first call, memory answers the second. */
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import * as Path from "@portico/upstream/Path"
import { Transport } from "@portico/upstream/Transport"
import * as Upstream from "@portico/upstream/Upstream"
import { Console, Effect, Layer, Schema } from "effect"

class NoSuchItem extends Schema.TaggedError<NoSuchItem>()("NoSuchItem", { item: Schema.String }) {}

class Price extends Upstream.Service<Price>()("price", {
  input: Schema.Struct({ item: Schema.String }),
  output: Schema.Struct({ cents: Schema.Int }),
  errors: [NoSuchItem]
}) {}

const layer = (baseUrl: URL) =>
  Price.layerHttp({
    baseUrl,
    request: ({ item }) => Path.get`/items/${item}/price`,
    on: { 404: ({ item }) => new NoSuchItem({ item }) },
    policies: { timeout: "800 millis", retries: 1, freshFor: "1 minute" }
  }).pipe(Layer.provide(Transport.layer))

let requests = 0
const script: ScriptedServer.Script = (socket, head) => {
  requests++
  if (requests === 1) ScriptedServer.answer(socket, 503, "")
  else if (head.startsWith("GET /items/tea/")) ScriptedServer.answer(socket, 200, '{"cents":499}')
  else ScriptedServer.answer(socket, 404, "")
}

const show = (item: string) =>
  Price.fetch({ item }).pipe(
    Effect.map(({ cents }) => `${item} ${cents} cents`),
    Effect.catchTag("NoSuchItem", () => Effect.succeed(`no ${item}`)),
    Effect.flatMap((text) => Console.log(`${text}, ${requests} requests so far`))
  )

await Effect.gen(function* () {
  const server = yield* ScriptedServer.make(script)
  const shown = Effect.gen(function* () {
    yield* show("tea") // => tea 499 cents, 2 requests so far
    yield* show("tea") // => tea 499 cents, 2 requests so far
    yield* show("salt") // => no salt, 3 requests so far
  })
  yield* Effect.provide(shown, layer(server.url))
}).pipe(Effect.scoped, Effect.runPromise)
