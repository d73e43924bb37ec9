import { assert, describe, it } from "@effect/vitest"
import * as Timeline from "@portico/fanout/Timeline"
import { fromEffect, type Response, Transport } from "@portico/upstream/Transport"
import { Status, UpstreamError } from "@portico/upstream/UpstreamError"
import { Duration, Effect, Fiber, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Live, type LiveRoom } from "../src/Live.ts"
import { PreviewAnswer, RoomIdsText } from "../src/RoomApi.ts"
import { RoomId, RoomNotFound } from "../src/RoomId.ts"
import * as RoomPreview from "../src/RoomPreview.ts"
import * as RoomPreviewEncoding from "../src/RoomPreviewEncoding.ts"
import { type RoomStatistics, Statistics } from "../src/Statistics.ts"
import { User, type UserProfile } from "../src/User.ts"
import { UserId, UserNotFound } from "../src/UserId.ts"

const liveOf = (roomId: RoomId, anchorId = `anchor-of-${roomId}`): LiveRoom => ({
  roomId,
  title: `Room ${roomId}`,
  status: "live",
  anchorId: UserId.make(anchorId),
  coverUrl: "https://c.example/1.png",
  startedAt: null,
  streams: []
})
const statisticsOf = (roomId: RoomId): RoomStatistics => ({ roomId, viewers: 3, likes: 2, gifts: 1 })
const profileOf = (userId: UserId): UserProfile => ({ userId, nickname: "N", level: 1, avatarUrl: "https://a.example" })

const rooms = (count: number): Array<RoomId> => Array.from({ length: count }, (_, index) => RoomId.make(`r${index}`))

const broken = (upstream: string) => new UpstreamError({ upstream, reason: new Status({ status: 503 }) })

/** Fakes that answer after so many milliseconds. */
const fakes = {
  live: Live.layerFake(({ roomId }) => Effect.delay(Effect.succeed(liveOf(roomId)), 100)),
  statistics: Statistics.layerFake(({ roomId }) => Effect.delay(Effect.succeed(statisticsOf(roomId)), 250)),
  user: User.layerFake(({ userId }) => Effect.delay(Effect.succeed(profileOf(userId)), 50))
}

const well = Layer.mergeAll(fakes.live, fakes.statistics, fakes.user)

/** Previews them, and says what came, when, and what the timeline has. */
const previewed = (roomIds: ReadonlyArray<RoomId>, layer: Layer.Layer<Live | Statistics | User>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(layer)
    const timeline = yield* Timeline.make
    const preview = RoomPreview.preview(roomIds).pipe(
      Timeline.record(timeline),
      Effect.flatMap((previews) =>
        Effect.clockWith((clock) => Effect.succeed({ previews, millis: clock.currentTimeMillisUnsafe() }))
      ),
      Effect.provide(context)
    )
    const fiber = yield* Effect.forkChild(preview, { startImmediately: true })
    yield* TestClock.adjust("5 seconds")
    return { ...(yield* Fiber.join(fiber)), timeline }
  })

const statusesOf = ({ live, statistics, anchor }: RoomPreview.RoomPreview) => [
  live.status,
  statistics.status,
  anchor.status
]

describe("a preview of rooms", () => {
  it.effect("has each room's parts in the order of the ids; the anchor is asked for when the room is known", () =>
    Effect.gen(function* () {
      const [a, b] = [RoomId.make("a"), RoomId.make("b")]
      const { previews, millis, timeline } = yield* previewed([b, a], well)
      assert.deepStrictEqual(
        previews,
        [b, a].map((roomId) => ({
          roomId,
          live: { status: "ok" as const, data: liveOf(roomId) },
          statistics: { status: "ok" as const, data: statisticsOf(roomId) },
          anchor: { status: "ok" as const, data: profileOf(UserId.make(`anchor-of-${roomId}`)) }
        }))
      )
      assert.isTrue(previews.every(RoomPreview.isComplete))
      assert.strictEqual(millis, 250)
      assert.deepStrictEqual(
        timeline.marks.map(({ part, startMillis, endMillis }) => [part, startMillis, endMillis]),
        [
          ["b/live", 0, 100],
          ["b/statistics", 0, 250],
          ["a/live", 0, 100],
          ["a/statistics", 0, 250],
          ["b/live/anchor", 100, 150],
          ["a/live/anchor", 100, 150]
        ]
      )
    })
  )

  it.effect("a room that does not exist is its own failed parts, without an anchor, and the others are whole", () =>
    Effect.gen(function* () {
      const gone = RoomId.make("r1")
      const notFound = new RoomNotFound({ roomId: gone })
      const { previews } = yield* previewed(
        rooms(3),
        Layer.mergeAll(
          Live.layerFake(({ roomId }) => (roomId === gone ? Effect.fail(notFound) : Effect.succeed(liveOf(roomId)))),
          Statistics.layerFake(({ roomId }) =>
            roomId === gone ? Effect.fail(notFound) : Effect.succeed(statisticsOf(roomId))
          ),
          fakes.user
        )
      )
      assert.deepStrictEqual(previews.map(RoomPreview.isComplete), [true, false, true])
      const failed = { status: "failed" as const, error: notFound }
      assert.deepInclude(previews[1], { roomId: gone, live: failed, statistics: failed })
      assert.strictEqual(previews[1]!.anchor.status, "skipped")
    })
  )

  const RandomRoom = Schema.Struct({
    live: Schema.Literals(["ok", "not found", "broken"]),
    statistics: Schema.Literals(["ok", "not found", "broken"]),
    anchor: Schema.Literals(["ok", "not found", "broken"])
  })

  it.effect.prop(
    "whatever goes wrong with a part of a room goes wrong with that part alone",
    { all: Schema.Array(RandomRoom).check(Schema.isMinLength(1), Schema.isMaxLength(50)) },
    ({ all }) =>
      Effect.gen(function* () {
        const ids = rooms(all.length)
        const roomOf = (id: string) => all[Number(id.replace(/\D/g, ""))]!
        const { previews } = yield* previewed(
          ids,
          Layer.mergeAll(
            Live.layerFake(({ roomId }) => {
              const { live } = roomOf(roomId)
              if (live === "broken") return Effect.fail(broken("live"))
              return live === "ok" ? Effect.succeed(liveOf(roomId)) : Effect.fail(new RoomNotFound({ roomId }))
            }),
            Statistics.layerFake(({ roomId }) => {
              const { statistics } = roomOf(roomId)
              if (statistics === "broken") return Effect.fail(broken("statistics"))
              return statistics === "ok"
                ? Effect.succeed(statisticsOf(roomId))
                : Effect.fail(new RoomNotFound({ roomId }))
            }),
            User.layerFake(({ userId }) => {
              const { anchor } = roomOf(userId)
              if (anchor === "broken") return Effect.fail(broken("user"))
              return anchor === "ok" ? Effect.succeed(profileOf(userId)) : Effect.fail(new UserNotFound({ userId }))
            })
          )
        )
        const status = (end: string) => (end === "ok" ? "ok" : "failed")
        assert.deepStrictEqual(
          previews.map(statusesOf),
          all.map(({ live, statistics, anchor }) => [
            status(live),
            status(statistics),
            live === "ok" ? status(anchor) : "skipped"
          ])
        )
        assert.deepStrictEqual(
          previews.map(({ roomId }) => roomId),
          ids
        )
      })
  )

  it.effect("50 rooms go in two turns", () =>
    Effect.gen(function* () {
      const { previews, millis, timeline } = yield* previewed(rooms(50), well)
      assert.isTrue(previews.every(RoomPreview.isComplete))
      assert.strictEqual(millis, 500)
      const starts = timeline.marks.filter(({ part }) => part.endsWith("/live")).map((mark) => mark.startMillis)
      assert.deepStrictEqual(starts, [...Array.from({ length: 25 }, () => 0), ...Array.from({ length: 25 }, () => 250)])
    })
  )
})

/** The three upstreams with all their policies, over a wire on which each path ends as `answer` says. */
const overWire = (answer: (path: string) => Effect.Effect<object>) => {
  const paths: Array<string> = []
  const transport = Layer.succeed(Transport, {
    connect: () =>
      fromEffect(({ path }) => {
        paths.push(path)
        return Effect.map(answer(path), (body): Response => ({
          status: 200,
          headers: {},
          body: JSON.stringify(body)
        }))
      })
  })
  const endpoint = { baseUrl: new URL("http://upstream.example"), timeout: Duration.seconds(2), maxResponse: 10_000 }
  const layer = Layer.mergeAll(Live.layer(endpoint), Statistics.layer(endpoint), User.layer(endpoint)).pipe(
    Layer.provide(transport)
  )
  return { layer, paths }
}

const idOf = (path: string) => path.split("/")[2]!

const answerOf = (path: string, anchorId?: string): object => {
  if (path.startsWith("/users/")) return profileOf(UserId.make(idOf(path)))
  const roomId = RoomId.make(idOf(path))
  return path.endsWith("/statistics") ? statisticsOf(roomId) : liveOf(roomId, anchorId)
}

describe("a preview over the upstreams' policies", () => {
  it.effect("an anchor of several rooms is asked for once", () =>
    Effect.gen(function* () {
      const { layer, paths } = overWire((path) => Effect.delay(Effect.succeed(answerOf(path, "one")), 10))
      const { previews, timeline } = yield* previewed(rooms(20), layer)
      assert.isTrue(previews.every(RoomPreview.isComplete))
      assert.strictEqual(paths.filter((path) => path === "/users/one").length, 1)
      assert.deepStrictEqual(
        timeline.marks.filter(({ part }) => part.endsWith("/anchor")).map(({ provenance }) => provenance),
        ["fetched", ...Array.from({ length: 19 }, () => "coalesced")]
      )
    })
  )

  it.effect("statistics that cannot be had any longer are the last good ones, with their age", () =>
    Effect.gen(function* () {
      let well = true
      const { layer } = overWire((path) =>
        well || !path.endsWith("/statistics") ? Effect.succeed(answerOf(path)) : Effect.succeed({ spoilt: true })
      )
      const kept = Layer.succeedContext(yield* Layer.build(layer))
      const [roomId] = rooms(1)
      yield* previewed([roomId!], kept)
      well = false
      const { previews } = yield* previewed([roomId!], kept)
      assert.deepStrictEqual(statusesOf(previews[0]!), ["ok", "stale", "ok"])
      assert.deepInclude(previews[0]!.statistics, { data: statisticsOf(roomId!), ageMillis: 5_000 })
    })
  )
})

describe("a preview on the wire", () => {
  it.effect("is what the contract says, with each part's milliseconds", () =>
    Effect.gen(function* () {
      const { previews, timeline } = yield* previewed(
        rooms(2),
        Layer.mergeAll(
          fakes.live,
          Statistics.layerFake(() => Effect.fail(broken("statistics"))),
          User.layerFake(({ userId }) =>
            userId === "anchor-of-r1"
              ? Effect.fail(new UserNotFound({ userId }))
              : Effect.delay(Effect.succeed(profileOf(userId)), 50)
          )
        )
      )
      const answer = RoomPreviewEncoding.encode(previews, timeline)
      assert.isFalse(answer.complete)
      const statistics = {
        status: "failed",
        error: {
          _tag: "UpstreamError",
          reason: "Status",
          upstream: "statistics",
          status: 503,
          message: "statistics answered 503"
        },
        ms: 0
      } as const
      assert.deepStrictEqual(answer.rooms, [
        {
          roomId: RoomId.make("r0"),
          parts: {
            live: { status: "ok", data: liveOf(RoomId.make("r0")), ms: 100 },
            statistics,
            anchor: { status: "ok", data: profileOf(UserId.make("anchor-of-r0")), ms: 50 }
          }
        },
        {
          roomId: RoomId.make("r1"),
          parts: {
            live: { status: "ok", data: liveOf(RoomId.make("r1")), ms: 100 },
            statistics,
            anchor: { status: "failed", error: { _tag: "UserNotFound", message: "there is no such user" }, ms: 0 }
          }
        }
      ])
      const read = yield* Schema.decodeUnknownEffect(PreviewAnswer)(JSON.parse(JSON.stringify(answer)))
      assert.deepStrictEqual(read, answer)
    })
  )

  it("ids are 1 to 50 different room ids with commas between", () => {
    const decode = Schema.decodeUnknownOption(RoomIdsText)
    const good = ["1", "a,b", rooms(50).join(",")]
    for (const text of good) assert.strictEqual(Option.getOrThrow(decode(text)).join(), text)
    const bad = ["", ",", "1,", ",1", "1,,2", "1,1", "1, 2", "a.b", "房", "x".repeat(65), rooms(51).join(",")]
    for (const text of bad) assert.isTrue(Option.isNone(decode(text)), text)
    assert.strictEqual(Schema.encodeSync(RoomIdsText)(rooms(3)), "r0,r1,r2")
  })
})
