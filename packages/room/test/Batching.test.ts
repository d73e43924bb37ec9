import { assert, describe, it } from "@effect/vitest"
import { fromEffect, type Response, Transport } from "@portico/upstream/Transport"
import { Duration, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Equity from "../src/Equity.ts"
import { RoomId } from "../src/RoomId.ts"
import * as User from "../src/User.ts"
import { UserId, UserNotFound } from "../src/UserId.ts"

const endpoint = {
  baseUrl: new URL("http://upstream.example"),
  timeout: Duration.millis(800),
  maxResponse: 100_000,
  batch: true
}

/** A wire on which every request, after 5 ms, is answered with the items made for its ids; `paths` is what was asked. */
const played = (idsParameter: string, item: (id: string) => object | undefined) => {
  const paths: Array<string> = []
  const layer = Layer.succeed(Transport, {
    connect: () =>
      fromEffect(({ path }) => {
        paths.push(path)
        const asked = new URL(path, endpoint.baseUrl).searchParams.get(idsParameter)?.split(",") ?? []
        const body = JSON.stringify({ items: asked.flatMap((id) => item(id) ?? []) })
        return Effect.delay(Effect.succeed<Response>({ status: 200, headers: {}, body }), "5 millis")
      })
  })
  return { layer, paths }
}

const together = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(
      Effect.forEach(effects, (effect) => Effect.result(effect), { concurrency: "unbounded" }),
      { startImmediately: true }
    )
    yield* TestClock.adjust("1 second")
    const results = yield* Fiber.join(fiber)
    return results.map((result) => (result._tag === "Success" ? result.success : result.failure))
  })

const profile = (id: string): User.UserProfile => ({
  userId: UserId.make(id),
  nickname: `N${id}`,
  level: 3,
  avatarUrl: "https://a.example/1.png"
})
const granted = (id: string): Equity.UserEquity => ({
  userId: UserId.make(id),
  vip: true,
  badges: ["b"],
  coins: 5,
  privileges: []
})

describe("users in batches", () => {
  it.effect("profiles asked for at once are one request; who is left out of the answer was not found", () =>
    Effect.gen(function* () {
      const { layer, paths } = played("ids", (id) => (id === "2002" ? undefined : profile(id)))
      const context = yield* Layer.build(Layer.provide(User.User.layer(endpoint), layer))
      const ids = ["2001", "2002", "2003"].map((id) => UserId.make(id))
      const answers = yield* together(ids.map((userId) => Effect.provide(User.User.fetch({ userId }), context)))
      assert.deepStrictEqual(answers, [
        profile("2001"),
        new UserNotFound({ userId: UserId.make("2002") }),
        profile("2003")
      ])
      assert.deepStrictEqual(paths, ["/users?ids=2001%2C2002%2C2003"])
    })
  )
})

describe("equity in batches", () => {
  it.effect("each room has its own request; who is left out of the answer was granted nothing", () =>
    Effect.gen(function* () {
      const { layer, paths } = played("userIds", (id) => (id === "2" ? undefined : granted(id)))
      const context = yield* Layer.build(Layer.provide(Equity.Equity.layer(endpoint), layer))
      const asked = [
        ["1", "r1"],
        ["2", "r1"],
        ["1", "r2"],
        ["3", "r2"]
      ] as const
      const answers = yield* together(
        asked.map(([user, room]) =>
          Effect.provide(Equity.Equity.fetch({ userId: UserId.make(user), roomId: RoomId.make(room) }), context)
        )
      )
      assert.deepStrictEqual(answers, [granted("1"), Equity.none(UserId.make("2")), granted("1"), granted("3")])
      assert.deepStrictEqual(paths, ["/equity?roomId=r1&userIds=1%2C2", "/equity?roomId=r2&userIds=1%2C3"])
    })
  )
})
