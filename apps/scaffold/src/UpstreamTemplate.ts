/** The files of a new upstream, asked by an id of its package: its definition with its layer, and its test. */
import type { Name } from "./Name.ts"

export interface Options {
  readonly name: Name
  /** What it is asked by: `room`, of the package's RoomId.ts. */
  readonly by: string
}

/** The names that follow from the upstream's. */
const namesOf = ({ name, by }: Options) => {
  const By = by.charAt(0).toUpperCase() + by.slice(1)
  return {
    Gifts: name.pascal,
    gifts: name.words,
    roomId: `${by}Id`,
    RoomId: `${By}Id`,
    RoomNotFound: `${By}NotFound`,
    RoomGifts: `${By}${name.pascal}`,
    path: (id: string) => `/${by}s/${id}/${name.kebab}`
  }
}

/** What the module exports. */
export const exports = (options: Options): ReadonlyArray<string> => {
  const { Gifts, RoomGifts } = namesOf(options)
  return [Gifts, RoomGifts]
}

export const docs = (options: Options): string => {
  const { Gifts, gifts, roomId, path } = namesOf(options)
  return `- [${Gifts}](src/${Gifts}.ts): the ${gifts} of a ${options.by}, \`GET ${path(`{${roomId}}`)}\``
}

export const source = (options: Options): string => {
  const { Gifts, gifts, roomId, RoomId, RoomNotFound, RoomGifts, path } = namesOf(options)
  return `/** The ${gifts} upstream: what a ${options.by} has of them. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"
import { ${RoomId}, ${RoomNotFound} } from "./${RoomId}.ts"

/** The fields that are used. Whatever else the answer carries is ignored, and may change. */
export const ${RoomGifts} = Schema.Struct({ ${roomId}: ${RoomId}, total: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)) })
export type ${RoomGifts} = typeof ${RoomGifts}.Type

/** The upstream that answers it. */
export class ${Gifts} extends Upstream.Service<${Gifts}>()("${options.name.camel}", {
  input: Schema.Struct({ ${roomId}: ${RoomId} }),
  output: ${RoomGifts},
  errors: [${RoomNotFound}]
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly ${roomId}: ${RoomId} }, ${RoomGifts}, ${RoomNotFound}> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ ${roomId} }) => Path.get\`${path(`\${${roomId}}`)}\`,
    on: { 404: ({ ${roomId} }) => new ${RoomNotFound}({ ${roomId} }) },
    // Never remembered. Where an answer may be a little old, freshFor and staleIfError say how old.
    policies: policies(endpoint)
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
`
}

export const test = (options: Options): string => {
  const { Gifts, gifts, roomId, RoomId, RoomNotFound, RoomGifts, path } = namesOf(options)
  return `import { assert, describe, it } from "@effect/vitest"
import * as Fake from "@portico/testing/Fake"
import * as FakeUpstream from "@portico/testing/FakeUpstream"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Transport } from "@portico/upstream/Transport"
import { Status, UpstreamError } from "@portico/upstream/UpstreamError"
import { Duration, Effect, Exit, Fiber, Layer } from "effect"
import { ${Gifts}, ${RoomGifts} } from "../src/${Gifts}.ts"
import { ${RoomId}, ${RoomNotFound} } from "../src/${RoomId}.ts"

const ${roomId} = ${RoomId}.make("1001")
const answer: ${RoomGifts} = { ${roomId}, total: 3 }
const fetch = ${Gifts}.fetch({ ${roomId} })

describe("the ${gifts} upstream on a fake", () => {
  it.effect.prop("answers what a fake says, whatever its definition allows", { answer: ${RoomGifts} }, ({ answer }) =>
    Effect.gen(function* () {
      const fake = ${Gifts}.layerFake(() => Effect.succeed(answer))
      assert.deepStrictEqual(yield* Effect.provide(fetch, fake), answer)
    })
  )

  it.effect("is asked by ${options.by}, and that there is no such ${options.by} is an error of its definition", () =>
    Effect.gen(function* () {
      const fake = yield* FakeUpstream.make(${Gifts})
      const asking = yield* Effect.forkChild(Effect.provide(fetch, fake.layer))
      const call = yield* fake.expectCall
      assert.deepStrictEqual(call.input, { ${roomId} })
      yield* call.fail(new ${RoomNotFound}({ ${roomId} }))
      assert.deepStrictEqual(yield* Fiber.await(asking), Exit.fail(new ${RoomNotFound}({ ${roomId} })))
    })
  )

  it.effect("a failure names it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(fetch, Fake.failing(${Gifts}, new Status({ status: 503 }))))
      assert.deepStrictEqual(error, new UpstreamError({ upstream: ${Gifts}.upstream, reason: new Status({ status: 503 }) }))
    })
  )
})

/** Asks the real layer, of a server that answers so; says what came back, and what was asked. */
const overHttp = (status: number, body: string) =>
  Effect.gen(function* () {
    const server = yield* ScriptedServer.make((socket) => ScriptedServer.answer(socket, status, body))
    const endpoint = { baseUrl: server.url, timeout: Duration.seconds(5), maxResponse: 10_000 }
    const layer = ${Gifts}.layer(endpoint).pipe(Layer.provide(Transport.layer))
    const exit = yield* Effect.exit(Effect.provide(fetch, layer))
    return { exit, asked: server.requests.map((head) => head.split("\\r\\n")[0]) }
  })

describe("the ${gifts} upstream over HTTP", () => {
  it.live("asks for one ${options.by}, and ignores what it does not know of the answer", () =>
    Effect.gen(function* () {
      const { exit, asked } = yield* overHttp(200, JSON.stringify({ ...answer, more: true }))
      assert.deepStrictEqual(exit, Exit.succeed(answer))
      assert.deepStrictEqual(asked, ["GET ${path("1001")} HTTP/1.1"])
    })
  )

  it.live("a 404 is that there is no such ${options.by}", () =>
    Effect.gen(function* () {
      const { exit } = yield* overHttp(404, "")
      assert.deepStrictEqual(exit, Exit.fail(new ${RoomNotFound}({ ${roomId} })))
    })
  )

  it.live("an answer of another shape is no answer", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(yield* Effect.map(overHttp(200, \`{"total":"many"}\`), ({ exit }) => exit))
      assert.strictEqual(error._tag === "UpstreamError" ? error.reason._tag : error._tag, "Payload")
    })
  )
})
`
}
