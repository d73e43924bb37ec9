import { assert, describe, it } from "@effect/vitest"
import { Transport } from "@portico/upstream/Transport"
import { Effect, Schema } from "effect"
import * as Contract from "../src/Contract.ts"
import * as Faults from "../src/Faults.ts"
import * as ScriptedServer from "../src/ScriptedServer.ts"
import { http, id, Thing, ThingInfo } from "./thing.ts"

/** What a request says, as the server sees it. */
interface Asked {
  readonly url: URL
  readonly headers: string
  /** The ids of a batch; the one of a single question. */
  readonly ids: ReadonlyArray<string>
  readonly isBatch: boolean
}

interface Said {
  readonly status: number
  readonly json: unknown
}

const known: ReadonlyArray<string> = ["a", "b"]

const thing = (name: string) => ({ id: name, size: 1 })

/** Keeps the whole contract. */
const good = ({ ids, isBatch }: Asked): Said => {
  const found = ids.filter((name) => known.includes(name)).map(thing)
  if (isBatch) return { status: 200, json: { items: found } }
  return found.length === 0 ? { status: 404, json: { error: "none" } } : { status: 200, json: found[0] }
}

/** A service that says what `say` makes of it. */
const saying =
  (say: (asked: Asked) => Said): ScriptedServer.Script =>
  (socket, head) => {
    const url = new URL(head.split(" ")[1]!, "http://thing.example")
    const ids = url.searchParams.get("ids")?.split(",")
    const asked = { url, headers: head, ids: ids ?? [url.pathname.split("/")[2]!], isBatch: ids !== undefined }
    const { status, json } = say(asked)
    ScriptedServer.answer(socket, status, JSON.stringify(json))
  }

const subject = (url: URL) => ({
  upstream: Thing,
  output: ThingInfo,
  http: http(url),
  known: [{ id: id("a") }, { id: id("b") }] as const,
  unknown: [{ id: id("x") }]
})

/** The report on a service that behaves so. */
const reportOn = (behaviour: ScriptedServer.Behaviour) =>
  Effect.gen(function* () {
    const server = yield* ScriptedServer.make(behaviour)
    return yield* Contract.check(subject(server.url))
  }).pipe(Effect.provide(Transport.layer))

const broken = ({ checks }: Contract.Report) => checks.filter(({ outcome }) => outcome === "broken")

const schema = "answers what it knows with JSON of the schema"
const aboutIt = "answers about what was asked"
const parameter = "ignores a query parameter that it does not know"
const deadline = "takes the deadline header, x-envoy-expected-rq-timeout-ms"
const trace = "takes x-request-id and traceparent"
const absent = "answers 404 to what it does not know"
const batch = "has the batch form"
const layer = "is understood by the upstream's own layer"

/** Services that break the contract in one way each, the clauses that say so, and a line of what they say. */
const breaking: ReadonlyArray<
  readonly [how: string, say: (asked: Asked) => Said, clauses: ReadonlyArray<string>, line: RegExp]
> = [
  [
    "breaks on one of two that it knows",
    (asked) => (asked.ids[0] === "b" && !asked.isBatch ? { status: 500, json: {} } : good(asked)),
    [schema],
    /^GET \/things\/b answered 500$/
  ],
  [
    "has another schema, with all that is wrong named",
    (asked) =>
      asked.isBatch || !known.includes(asked.ids[0]!) ? good(asked) : { status: 200, json: { id: 7, size: "big" } },
    [schema],
    /^GET \/things\/a is not of the schema: .*\["id"\].*\["size"\]/
  ],
  [
    "answers about another",
    (asked) => (asked.ids[0] === "b" && !asked.isBatch ? { status: 200, json: thing("a") } : good(asked)),
    [aboutIt],
    /^GET \/things\/b answered about something else$/
  ],
  [
    "refuses parameters that it does not know",
    (asked) => (asked.url.searchParams.has("porticoContract") ? { status: 400, json: {} } : good(asked)),
    [parameter],
    /^GET \/things\/a\?porticoContract=1 answered 400$/
  ],
  [
    "refuses who sends a trace",
    (asked) => (asked.headers.includes("traceparent") ? { status: 431, json: {} } : good(asked)),
    [trace],
    /^GET \/things\/a answered 431$/
  ],
  [
    "refuses who says what time is left",
    (asked) => (asked.headers.includes("x-envoy-expected-rq-timeout-ms") ? { status: 400, json: {} } : good(asked)),
    [deadline, layer],
    /^GET \/things\/a answered 400$/
  ],
  [
    "has an empty answer for what it does not know",
    (asked) => (asked.ids[0] === "x" && !asked.isBatch ? { status: 200, json: {} } : good(asked)),
    [absent],
    /^GET \/things\/x answered 200$/
  ],
  [
    "has no batch form",
    (asked) => (asked.isBatch ? { status: 404, json: {} } : good(asked)),
    [batch, layer],
    /^GET \/things\?ids=a answered 404$/
  ],
  [
    "has a batch without items",
    (asked) => (asked.isBatch ? { status: 200, json: known.map(thing) } : good(asked)),
    [batch, layer],
    /^GET \/things\?ids=a has no list of items$/
  ],
  [
    "leaves out of a batch what it knows",
    (asked) => (asked.ids.length > 1 ? { status: 200, json: { items: [thing("a")] } } : good(asked)),
    [batch, layer],
    /^GET \/things\?ids=a%2Cb%2Cx leaves out b$/
  ],
  [
    "puts into a batch what nobody asked for",
    (asked) => (asked.isBatch ? { status: 200, json: { items: [...asked.ids, "y"].map(thing) } } : good(asked)),
    [batch],
    /^GET \/things\?ids=a has an item for y$/
  ],
  [
    "has another schema in a batch",
    (asked) => (asked.isBatch ? { status: 200, json: { items: asked.ids.map((id) => ({ id })) } } : good(asked)),
    [batch, layer],
    /^GET \/things\?ids=a: an item is not of the schema: .*\["size"\]/
  ],
  [
    "answers 404 to a batch of nothing that it knows",
    (asked) => (asked.isBatch && asked.ids.join() === "x" ? { status: 404, json: {} } : good(asked)),
    [batch],
    /^GET \/things\?ids=x answered 404$/
  ]
]

describe("the contract", () => {
  it.live("is kept by a service that does all of it, which may answer with more", () =>
    Effect.gen(function* () {
      const report = yield* reportOn(
        saying((asked) => {
          const { status, json } = good(asked)
          return { status, json: Object.assign({ since: 1 }, json) }
        })
      )
      assert.deepStrictEqual(broken(report), [])
      assert.isTrue(report.kept)
      assert.isTrue(report.checks.every(({ outcome }) => outcome === "kept"))
      assert.match(
        Contract.render(report),
        /^thing at http:\/\/127\.0\.0\.1:\d+\/ keeps its contract\n {2}ok {6}can be/
      )
    })
  )

  for (const [how, say, clauses, line] of breaking) {
    it.live(`is broken by a service that ${how}`, () =>
      Effect.gen(function* () {
        const report = yield* reportOn(saying(say))
        assert.deepStrictEqual(
          broken(report).map(({ name }) => name),
          clauses
        )
        assert.isFalse(report.kept)
        const details = broken(report)[0]!.details
        assert.isTrue(
          details.some((detail) => line.test(detail)),
          details.join("\n")
        )
        assert.include(Contract.render(report), `BROKEN  ${clauses[0]}\n            ${details[0]}`)
      })
    )
  }

  it.live("is broken by a definition that takes a field more for data", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(saying(good))
      const report = yield* Contract.check({
        ...subject(server.url),
        output: Schema.StructWithRest(ThingInfo, [
          Schema.Record(Schema.String, Schema.Union([Schema.Int, Schema.String]))
        ])
      }).pipe(Effect.provide(Transport.layer))
      assert.deepStrictEqual(
        broken(report).map(({ name }) => name),
        ["may answer with more fields than the schema has"]
      )
    })
  )

  it.live("leaves out what there is nothing to check with", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make(saying(good))
      const { batch: _, ...single } = http(server.url)
      const report = yield* Contract.check({
        upstream: Thing,
        output: ThingInfo,
        http: single,
        known: [{ id: id("a") }]
      }).pipe(Effect.provide(Transport.layer))
      const left = report.checks.filter(({ outcome }) => outcome === "left out").map(({ name }) => name)
      assert.deepStrictEqual(left, [aboutIt, absent, batch])
      assert.isTrue(report.kept)
    })
  )

  /** What is said of a service that is broken throughout, by the fault's name. */
  const throughout: ReadonlyArray<readonly [Faults.Name, RegExp]> = [
    ["refused", /could not be reached \(refused\)/],
    ["hang", /did not answer within 300ms/],
    ["reset before the head", /could not be reached \(reset\)/],
    ["not HTTP", /could not be reached \(not HTTP\)/],
    ["endless body", /answered with a body that is over the size limit/],
    ["not JSON", /answered with a body that is not JSON/],
    ["wrong schema", /is not of the schema/],
    ["503", /answered 503/]
  ]
  for (const [fault, line] of throughout) {
    it.live(`is broken by the fault "${fault}", which is not said again of each header`, () =>
      Effect.gen(function* () {
        const report = yield* reportOn(Faults.all[fault])
        const said = report.checks.flatMap(({ details }) => details.filter((detail) => line.test(detail)))
        assert.isFalse(report.kept)
        assert.isAtLeast(said.length, 1)
        const later = report.checks.filter(({ name }) => [parameter, deadline, trace].includes(name))
        assert.isTrue(later.every(({ outcome }) => outcome === "left out"))
      })
    )
  }
})
