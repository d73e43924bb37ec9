import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect, Layer, Schema } from "effect"
import type * as Upstreams from "../src/Upstreams.ts"
import { complaint, get, upstreams } from "./fixture.ts"

class Urls extends Context.Service<Urls, Upstreams.Upstreams["Service"]["baseUrls"]>()("test/Urls") {}

/** What the tests read of each answer. */
const Version = Schema.Struct({ latest: Schema.String, minimum: Schema.String, features: Schema.Array(Schema.Unknown) })
const Room = Schema.Struct({
  status: Schema.String,
  coverUrl: Schema.String,
  startedAt: Schema.NullOr(Schema.String),
  streams: Schema.Array(Schema.Record(Schema.String, Schema.Unknown))
})
const User = Schema.Struct({ level: Schema.Finite })
const Equity = Schema.Struct({ vip: Schema.Boolean, badges: Schema.Array(Schema.Unknown), coins: Schema.Finite })
const Statistics = Schema.Struct({ viewers: Schema.Finite, likes: Schema.Finite, gifts: Schema.Finite })
const Items = Schema.Struct({ items: Schema.Array(Schema.Record(Schema.String, Schema.Unknown)) })

/** Asks, and reads the body: as it came, and as this schema. */
const read = <S extends Schema.Codec<unknown, unknown>>(schema: S, url: string) =>
  Effect.gen(function* () {
    const { status, body } = yield* get(url)
    return { status, body, said: yield* Schema.decodeUnknownEffect(schema)(body) }
  })

const id64 = "x".repeat(64)
const hundred = Array.from({ length: 100 }, (_, index) => String(2001 + index))

layer(Layer.effect(Urls, upstreams()))("The five upstreams", (it) => {
  const expectAll = (name: Upstreams.Name, status: number, paths: ReadonlyArray<string>, message: RegExp) =>
    Effect.gen(function* () {
      const urls = yield* Urls
      for (const path of paths) {
        const got = yield* get(urls[name] + path)
        assert.strictEqual(got.status, status, path)
        assert.strictEqual(got.headers.get("content-type"), "application/json", path)
        assert.hasAllKeys(got.body, ["error"])
        assert.match(yield* complaint(got), message, path)
      }
    })

  describe("version", () => {
    it.effect("answers for each platform", () =>
      Effect.gen(function* () {
        const { version } = yield* Urls
        for (const platform of ["web", "ios", "android"]) {
          const { status, said } = yield* read(Version, `${version}/version?platform=${platform}`)
          assert.strictEqual(status, 200)
          assert.match(said.latest, /^\d+\.\d+\.\d+$/)
          assert.match(said.minimum, /^\d+\.\d+\.\d+$/)
          assert.isTrue(said.features.every((feature) => typeof feature === "string"))
        }
      })
    )
    it.effect("refuses another platform, two, and none", () =>
      expectAll(
        "version",
        400,
        [
          "/version",
          "/version?platform=",
          "/version?platform=tv",
          "/version?platform=web&platform=ios",
          "/version?platform=%zz"
        ],
        /^platform is .*: it should be one of web, ios, android$/
      )
    )
  })

  describe("live", () => {
    it.effect("answers a live room with its streams", () =>
      Effect.gen(function* () {
        const { status, body, said } = yield* read(Room, `${(yield* Urls).live}/rooms/1001`)
        assert.strictEqual(status, 200)
        assert.deepInclude(body, { roomId: "1001", status: "live" })
        assert.match(said.coverUrl, /^https:\/\//)
        assert.match(said.startedAt ?? "", /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
        assert.includeMembers(
          said.streams.map(({ protocol }) => protocol),
          ["hls", "flv", "webrtc"]
        )
        for (const stream of said.streams) assert.hasAllKeys(stream, ["protocol", "quality", "url"])
      })
    )
    it.effect("answers rooms that are not live with no start and no streams", () =>
      Effect.gen(function* () {
        const { live } = yield* Urls
        const seen = new Set<string>()
        for (let id = 1001; id < 1101; id++) {
          const { status, said } = yield* read(Room, `${live}/rooms/${id}`)
          assert.strictEqual(status, 200)
          seen.add(said.status)
          if (said.status === "live") continue
          assert.isNull(said.startedAt)
          assert.deepStrictEqual(said.streams, [])
        }
        assert.deepStrictEqual([...seen].sort(), ["banned", "live", "offline"])
      })
    )
    it.effect("has no such room", () => expectAll("live", 404, ["/rooms/1", `/rooms/${id64}`], /^no such room$/))
    it.effect("refuses what is no id", () =>
      expectAll(
        "live",
        400,
        [`/rooms/${id64}x`, "/rooms/a%20b", "/rooms/a%2Fb", "/rooms/%E6%88%BF"],
        /^roomId is .*1 to 64 of/
      )
    )
    it.effect("refuses a malformed percent-encoding", () =>
      expectAll("live", 400, ["/rooms/%zz", "/rooms/%", "/rooms/%ff"], /malformed percent-encoding/)
    )
  })

  describe("user", () => {
    it.effect("answers a user", () =>
      Effect.gen(function* () {
        const { status, body, said } = yield* read(User, `${(yield* Urls).user}/users/2001`)
        assert.strictEqual(status, 200)
        assert.hasAllKeys(body, ["userId", "nickname", "level", "avatarUrl"])
        assert.isTrue(Number.isInteger(said.level))
      })
    )
    it.effect("has no such user", () => expectAll("user", 404, ["/users/1", "/users/nobody"], /^no such user$/))
    it.effect("refuses what is no id", () => expectAll("user", 400, ["/users/a.b", `/users/${id64}x`], /^userId is/))
    it.effect("answers many in their order, each once, without those that are not there", () =>
      Effect.gen(function* () {
        const { user } = yield* Urls
        const { items } = (yield* read(Items, `${user}/users?ids=2003,1,2001,2003,nobody`)).said
        assert.deepStrictEqual(
          items.map(({ userId }) => userId),
          ["2003", "2001"]
        )
        assert.deepStrictEqual(items[1], (yield* get(`${user}/users/2001`)).body)
        assert.deepStrictEqual((yield* get(`${user}/users?ids=1`)).body, { items: [] })
        assert.strictEqual((yield* read(Items, `${user}/users?ids=${hundred.join(",")}`)).said.items.length, 100)
        assert.strictEqual((yield* read(Items, `${user}/users?ids=2001%2C2002`)).said.items.length, 2)
      })
    )
    it.effect("refuses more than 100, none, and bad ones among good ones", () =>
      expectAll(
        "user",
        400,
        [`/users?ids=${hundred.join(",")},1`, "/users", "/users?ids=", "/users?ids=2001,", "/users?ids=2001,a%20b"],
        /^ids is .*1 to 100 ids separated by commas/
      )
    )
  })

  describe("equity", () => {
    it.effect("answers what a vip has in a room", () =>
      Effect.gen(function* () {
        const { status, body, said } = yield* read(Equity, `${(yield* Urls).equity}/users/2001/equity?roomId=1001`)
        assert.strictEqual(status, 200)
        assert.hasAllKeys(body, ["userId", "vip", "badges", "coins", "privileges"])
        assert.strictEqual(said.vip, true)
        assert.isAbove(said.badges.length, 0)
        assert.isTrue(Number.isInteger(said.coins))
      })
    )
    it.effect("has granted none", () =>
      expectAll("equity", 404, ["/users/2002/equity?roomId=1001", "/users/1/equity?roomId=1"], /^no equity granted/)
    )
    it.effect("refuses bad ids", () =>
      Effect.andThen(
        expectAll("equity", 400, ["/users/a.b/equity?roomId=1001"], /^userId is/),
        expectAll(
          "equity",
          400,
          ["/users/2001/equity", "/users/2001/equity?roomId=", "/equity?userIds=2001"],
          /^roomId is/
        )
      )
    )
    it.effect("answers many in one room", () =>
      Effect.gen(function* () {
        const { equity } = yield* Urls
        const { body } = yield* get(`${equity}/equity?roomId=1001&userIds=2002,2001,nobody`)
        assert.deepStrictEqual(body, { items: [(yield* get(`${equity}/users/2001/equity?roomId=1001`)).body] })
        assert.deepStrictEqual((yield* get(`${equity}/equity?roomId=1&userIds=2001`)).body, { items: [] })
      })
    )
    it.effect("refuses a bad list", () =>
      expectAll(
        "equity",
        400,
        ["/equity?roomId=1001", `/equity?roomId=1001&userIds=${hundred.join(",")},1`],
        /^userIds is/
      )
    )
  })

  describe("statistics", () => {
    it.effect("answers whole numbers", () =>
      Effect.gen(function* () {
        const { status, body, said } = yield* read(Statistics, `${(yield* Urls).statistics}/rooms/1001/statistics`)
        assert.strictEqual(status, 200)
        assert.hasAllKeys(body, ["roomId", "viewers", "likes", "gifts"])
        for (const number of [said.viewers, said.likes, said.gifts])
          assert.isTrue(Number.isInteger(number) && number >= 0)
      })
    )
    it.effect("has no such room", () => expectAll("statistics", 404, ["/rooms/1/statistics"], /^no such room$/))
    it.effect("refuses what is no id", () => expectAll("statistics", 400, ["/rooms/a.b/statistics"], /^roomId is/))
  })

  it.effect("a wrong path is 404, and says which there are", () =>
    Effect.andThen(
      expectAll(
        "live",
        404,
        ["/", "/rooms", "/Rooms/1001", "/users/2001", "/rooms/1001/statistics"],
        /GET \/rooms\/:roomId/
      ),
      expectAll("equity", 404, ["/users/2001"], /no such path/)
    )
  )

  it.effect("a wrong method is 405 with Allow", () =>
    Effect.gen(function* () {
      const { user, live } = yield* Urls
      for (const [url, method, allow] of [
        [`${user}/users/2001`, "POST", "GET, HEAD"],
        [`${user}/users?ids=1`, "DELETE", "GET, HEAD"],
        [`${live}/rooms/1001?x=y`, "PUT", "GET, HEAD"],
        [`${live}/admin/fault`, "POST", "DELETE, GET, HEAD, PUT"]
      ] as const) {
        const got = yield* get(url, { method })
        assert.strictEqual(got.status, 405)
        assert.strictEqual(got.headers.get("allow"), allow)
        assert.match(yield* complaint(got), new RegExp(`no ${method} here`))
      }
      assert.strictEqual((yield* get(`${live}/rooms/1001`, { method: "HEAD" })).status, 200)
    })
  )
})
