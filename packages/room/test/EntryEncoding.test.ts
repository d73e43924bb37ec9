import { assert, describe, it } from "@effect/vitest"
import * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import * as Generators from "@portico/testing/Generators"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import { Arbitrary, Effect, Schema } from "effect"
import * as EntryEncoding from "../src/EntryEncoding.ts"
import { UserEquity } from "../src/Equity.ts"
import { LiveRoom } from "../src/Live.ts"
import { EntryAnswer } from "../src/RoomApi.ts"
import { Mode, type RoomEntry } from "../src/RoomEntry.ts"
import { RoomId, RoomNotFound } from "../src/RoomId.ts"
import { RoomStatistics } from "../src/Statistics.ts"
import { UserProfile } from "../src/User.ts"
import { UserId, UserNotFound } from "../src/UserId.ts"
import { Platform, VersionInfo } from "../src/Version.ts"

const ages = Generators.onTheWire(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1e6 })))

/** Every way in which a part can end, with any data of its schema and any error that it can have. */
const outcome = <A, S, E = never>(
  data: Schema.ConstraintCodec<A, S>,
  upstream: string,
  domain?: Schema.ConstraintCodec<E, unknown>
): Arbitrary.Arbitrary<Part.Outcome<A, UpstreamError | E>> => {
  const failure = Generators.upstreamError(upstream)
  const kind = domain === undefined ? (["fault", "defect"] as const) : (["fault", "defect", "domain"] as const)
  const error = Arbitrary.flatMap(
    Generators.of(Schema.Literals(kind)),
    (kind): Arbitrary.Arbitrary<UpstreamError | E | Part.Defect> => {
      if (kind === "domain" && domain !== undefined) return Generators.of(domain)
      return kind === "defect" ? Arbitrary.Constant(new Part.Defect()) : failure
    }
  )
  return Arbitrary.flatMap(
    Generators.of(Schema.Literals(["ok", "stale", "fallback", "failed", "skipped"])),
    (status): Arbitrary.Arbitrary<Part.Outcome<A, UpstreamError | E>> => {
      const answer = Arbitrary.map(Generators.onTheWire(data), ({ value }) => value)
      switch (status) {
        case "ok":
          return Arbitrary.map(answer, Part.ok)
        case "stale":
          return Arbitrary.map(
            Arbitrary.all({ data: answer, error, ageMillis: Arbitrary.map(ages, ({ value }) => value) }),
            (stale) => ({
              status,
              ...stale
            })
          )
        case "fallback":
          return Arbitrary.map(Arbitrary.all({ data: answer, error }), (fallback) => ({ status, ...fallback }))
        case "failed":
          return Arbitrary.map(error, (error) => ({ status, error }))
        case "skipped":
          return Arbitrary.Constant(Part.skipped)
      }
    }
  )
}

const entry: Arbitrary.Arbitrary<RoomEntry> = Arbitrary.all({
  version: outcome(VersionInfo, "version"),
  live: outcome(LiveRoom, "live", RoomNotFound),
  user: outcome(UserProfile, "user", UserNotFound),
  equity: outcome(UserEquity, "equity"),
  statistics: outcome(RoomStatistics, "statistics", RoomNotFound)
})

const viewer = Schema.Struct({ roomId: RoomId, userId: Schema.UndefinedOr(UserId), platform: Platform })

const decode = Schema.decodeEffect(Schema.fromJsonString(EntryAnswer))

/** The marks of parts that each took `ms`, and came from memory. */
const shared = (ms: number) =>
  Effect.map(Timeline.make, (timeline) => {
    for (const part of ["version", "live", "user", "equity", "statistics"]) {
      timeline.marks.push({ part, startMillis: 1, endMillis: 1 + ms, end: "ok", provenance: "cached" })
    }
    return timeline
  })

describe("an entry on the wire", () => {
  it.effect.prop(
    "is what the contract says, whatever became of its parts, and means the same to who reads it",
    { mode: Mode, viewer, entry },
    ({ mode, viewer, entry }) =>
      Effect.gen(function* () {
        const { roomId, userId, platform } = viewer
        const by = (timeline: Timeline.Timeline) =>
          decode(EntryEncoding.encode(mode, { roomId, userId, platform }, entry, timeline))
        const read = yield* by(yield* Timeline.make)
        assert.strictEqual(read.roomId, roomId)
        assert.strictEqual(read.mode, mode)
        assert.strictEqual(read.userId, userId ?? null)
        for (const name of ["version", "live", "user", "equity", "statistics"] as const) {
          const [said, was] = [read.parts[name], entry[name]]
          assert.strictEqual(said.status, was.status)
          if ("data" in was) assert.deepStrictEqual("data" in said ? said.data : undefined, was.data)
          if ("error" in was) assert.strictEqual("error" in said ? said.error._tag : undefined, was.error._tag)
        }
        const whole = Object.values(entry).every(({ status }) => status === "ok" || status === "skipped")
        assert.strictEqual(read.complete, whole)
        // Whoever the parts are shared with, at whatever time, reads the same and its own milliseconds.
        for (const ms of [12.34, 5]) {
          const { parts, ...rest } = yield* by(yield* shared(ms))
          assert.deepStrictEqual(parts, {
            version: { ...read.parts.version, ms: Math.round(ms * 10) / 10 },
            live: { ...read.parts.live, ms: Math.round(ms * 10) / 10 },
            user: { ...read.parts.user, ms: Math.round(ms * 10) / 10 },
            equity: { ...read.parts.equity, ms: Math.round(ms * 10) / 10 },
            statistics: { ...read.parts.statistics, ms: Math.round(ms * 10) / 10 }
          })
          assert.deepStrictEqual({ ...rest, parts: read.parts }, read)
        }
      }),
    { arbitrary: { runs: 200 } }
  )
})
