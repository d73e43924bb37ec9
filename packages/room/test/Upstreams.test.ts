/** What the five upstreams start with: for how long their answers are fresh or of use, who shares a call, and what bounds it. */
import { assert, describe, it } from "@effect/vitest"
import { fromEffect, type Response, Transport } from "@portico/upstream/Transport"
import { UpstreamError } from "@portico/upstream/UpstreamError"
import { Duration, Effect, Exit, Fiber, Layer, Option, Random } from "effect"
import { TestClock } from "effect/testing"
import { Equity } from "../src/Equity.ts"
import { Live } from "../src/Live.ts"
import { RoomId } from "../src/RoomId.ts"
import * as RoomUpstreams from "../src/RoomUpstreams.ts"
import { Statistics } from "../src/Statistics.ts"
import { User } from "../src/User.ts"
import { UserId } from "../src/UserId.ts"
import { type Platform, Version } from "../src/Version.ts"

interface Who {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly platform: Platform
}

const someone: Who = { roomId: RoomId.make("r1"), userId: UserId.make("u1"), platform: "ios" }
const others = {
  room: { ...someone, roomId: RoomId.make("r2") },
  user: { ...someone, userId: UserId.make("u2") },
  platform: { ...someone, platform: "web" }
} satisfies Record<string, Who>

type Call<A> = Effect.Effect<A, unknown, RoomUpstreams.RoomUpstreams>

/** An upstream as a row of the table: `null` where there is nothing. */
interface Row {
  readonly ask: (who: Who) => Call<unknown>
  readonly lastGood: (who: Who) => Call<Option.Option<unknown>>
  /** In whose names a call is not shared: another room, another user, another platform. */
  readonly apart: ReadonlyArray<keyof typeof others>
  readonly freshSeconds: number | null
  readonly staleSeconds: number | null
  readonly answer: object
}

const table: Readonly<Record<RoomUpstreams.Name, Row>> = {
  version: {
    ask: ({ platform }) => Version.fetch({ platform }),
    lastGood: ({ platform }) => Version.lastGood({ platform }),
    apart: ["platform"],
    freshSeconds: 60,
    staleSeconds: 600,
    answer: { latest: "2", minimum: "1", features: [] }
  },
  live: {
    ask: ({ roomId }) => Live.fetch({ roomId }),
    lastGood: ({ roomId }) => Live.lastGood({ roomId }),
    apart: ["room"],
    freshSeconds: 1,
    staleSeconds: null,
    answer: {
      roomId: "r1",
      title: "Evening songs",
      status: "live",
      anchorId: "a1",
      coverUrl: "https://cdn.example/r1.webp",
      startedAt: "2026-01-01T12:00:00Z",
      streams: []
    }
  },
  user: {
    ask: ({ userId }) => User.fetch({ userId }),
    lastGood: ({ userId }) => User.lastGood({ userId }),
    apart: ["user"],
    freshSeconds: null,
    staleSeconds: null,
    answer: { userId: "u1", nickname: "N", level: 3, avatarUrl: "https://a.example/1.png" }
  },
  equity: {
    ask: ({ userId, roomId }) => Equity.fetch({ userId, roomId }),
    lastGood: ({ userId, roomId }) => Equity.lastGood({ userId, roomId }),
    apart: ["room", "user"],
    freshSeconds: null,
    staleSeconds: 60,
    answer: { userId: "u1", vip: true, badges: [], coins: 5, privileges: [] }
  },
  statistics: {
    ask: ({ roomId }) => Statistics.fetch({ roomId }),
    lastGood: ({ roomId }) => Statistics.lastGood({ roomId }),
    apart: ["room"],
    freshSeconds: 1,
    staleSeconds: 30,
    answer: { roomId: "r1", viewers: 1, likes: 2, gifts: 3 }
  }
}

const rows = Object.entries(table)

/** All five over a wire that answers every request alike, and counts them. */
const over = (answer: Effect.Effect<Response, UpstreamError>) =>
  Effect.gen(function* () {
    const play = { sent: 0 }
    const wire = Layer.succeed(Transport, {
      connect: () =>
        fromEffect(() =>
          Effect.suspend(() => {
            play.sent++
            return answer
          })
        )
    })
    const endpoint = {
      baseUrl: new URL("http://upstream.example"),
      timeout: Duration.millis(800),
      maxResponse: 262_144
    }
    const all = { version: endpoint, live: endpoint, user: endpoint, equity: endpoint, statistics: endpoint }
    const context = yield* Layer.build(Layer.provide(RoomUpstreams.layer(all), wire))
    const run = <A>(call: Call<A>) => Effect.provide(call, context)
    return { play, run }
  }).pipe(
    // The jitter of the times, and of the back-off, is none.
    Effect.provideService(Random.Random, { nextDoubleUnsafe: () => 0.5, nextIntUnsafe: () => 4 })
  )

const answered = (body: object): Effect.Effect<Response> =>
  Effect.succeed({ status: 200, headers: {}, body: JSON.stringify(body) })
const unwell: Effect.Effect<Response> = Effect.succeed({ status: 503, headers: {}, body: "" })

/** What refused it, before it was sent. */
const refusedBy = (exit: Exit.Exit<unknown, unknown>): string | undefined => {
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  return error instanceof UpstreamError && error.reason._tag === "Rejected" ? error.reason.by : undefined
}

describe("the room's upstreams", () => {
  for (const [name, { answer, apart, ask, freshSeconds, lastGood, staleSeconds }] of rows) {
    it.effect(`${name}: an answer is fresh for ${freshSeconds ?? "no"} s`, () =>
      Effect.gen(function* () {
        const { play, run } = yield* over(answered(answer))
        const asked = run(ask(someone))
        yield* asked
        if (freshSeconds !== null) {
          yield* TestClock.adjust(freshSeconds * 950)
          yield* asked
          assert.strictEqual(play.sent, 1)
          yield* TestClock.adjust(freshSeconds * 100)
        }
        yield* asked
        assert.strictEqual(play.sent, 2)
      })
    )

    it.effect(`${name}: the last good answer is there for ${staleSeconds ?? "no"} s`, () =>
      Effect.gen(function* () {
        const { run } = yield* over(answered(answer))
        yield* run(ask(someone))
        const isThere = Effect.map(run(lastGood(someone)), Option.isSome)
        yield* TestClock.adjust((staleSeconds ?? 0) * 1_000)
        const remembers = freshSeconds !== null || staleSeconds !== null
        assert.strictEqual(yield* isThere, remembers)
        yield* TestClock.adjust(1)
        assert.isFalse(yield* isThere)
      })
    )

    it.effect(`${name}: a call is shared but with another ${apart.join(", another ")}`, () =>
      Effect.gen(function* () {
        const { play, run } = yield* over(Effect.never)
        const all = [someone, ...Object.values(others)]
        const fibers = yield* Effect.forEach(all, (who) => Effect.forkChild(run(ask(who)), { startImmediately: true }))
        assert.strictEqual(play.sent, 1 + apart.length)
        yield* Fiber.interruptAll(fibers)
      })
    )

    it.effect(`${name}: an attempt that failed has one more, and after 20 bad calls there are none`, () =>
      Effect.gen(function* () {
        const { play, run } = yield* over(unwell)
        for (let call = 1; call <= 20; call++) {
          // No longer than ten seconds in all, which is how far back the breaker looks.
          const fiber = yield* Effect.forkChild(Effect.exit(run(ask(someone))), { startImmediately: true })
          yield* TestClock.adjust("100 millis")
          assert.isTrue(Exit.isFailure(yield* Fiber.join(fiber)))
          if (call === 1) assert.strictEqual(play.sent, 2)
        }
        const { sent } = play
        assert.isAtMost(sent, 40)
        assert.strictEqual(refusedBy(yield* Effect.exit(run(ask(someone)))), "circuit breaker")
        assert.strictEqual(play.sent, sent)
      })
    )

    it.effect(`${name}: of more than 1,024 at once the others are refused`, () =>
      Effect.gen(function* () {
        const { play, run } = yield* over(Effect.never)
        const many = Array.from({ length: 1_025 }, (_, nth) => ({
          roomId: RoomId.make(`r${nth}`),
          userId: UserId.make(`u${nth}`),
          platform: someone.platform
        }))
        const fibers = yield* Effect.forEach(many, (who) =>
          Effect.forkChild(Effect.exit(run(ask(who))), { startImmediately: true })
        )
        // There are three platforms, and so no more than three calls.
        const isAny = name !== "version"
        assert.strictEqual(play.sent, isAny ? 1_024 : 1)
        const last = fibers.at(-1)?.pollUnsafe()
        const refused = last !== undefined && Exit.isSuccess(last) ? refusedBy(last.value) : "under way"
        assert.strictEqual(refused, isAny ? "bulkhead" : "under way")
        yield* Fiber.interruptAll(fibers)
      })
    )
  }
})
