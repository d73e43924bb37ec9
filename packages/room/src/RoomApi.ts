/**
 * The HTTP contract of a room's entry and of rooms' previews: routes, shapes and errors. A client takes this file alone:
 * `HttpApiClient.make(RoomApi, { baseUrl })`; the service's OpenAPI document is made of it.
 */
import { Schema, SchemaGetter } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { UserEquity } from "./Equity.ts"
import { LiveRoom } from "./Live.ts"
import { Mode } from "./RoomEntry.ts"
import { RoomId } from "./RoomId.ts"
import { RoomIds } from "./RoomPreview.ts"
import { RoomStatistics } from "./Statistics.ts"
import { UserProfile } from "./User.ts"
import { UserId } from "./UserId.ts"
import { Platform, VersionInfo } from "./Version.ts"

/** Why a part is not as it should be. */
export const PartError = Schema.Struct({
  _tag: Schema.Literals(["UpstreamError", "RoomNotFound", "UserNotFound", "Defect"]),
  /** Of an UpstreamError: `Unreachable`, `Timeout`, `Status`, `Payload` or `Rejected`. */
  reason: Schema.optionalKey(Schema.Literals(["Unreachable", "Timeout", "Status", "Payload", "Rejected"])),
  upstream: Schema.optionalKey(Schema.String),
  /** Of an UpstreamError for a Status: which. */
  status: Schema.optionalKey(Schema.Int),
  message: Schema.String
})
export type PartError = typeof PartError.Type

const part = <S extends Schema.Constraint>(data: S) =>
  Schema.Union([
    Schema.Struct({ status: Schema.Literal("ok"), data, ms: Schema.Finite }),
    Schema.Struct({ status: Schema.Literal("stale"), data, ageMs: Schema.Finite, error: PartError, ms: Schema.Finite }),
    Schema.Struct({ status: Schema.Literal("fallback"), data, error: PartError, ms: Schema.Finite }),
    Schema.Struct({ status: Schema.Literal("failed"), error: PartError, ms: Schema.Finite }),
    Schema.Struct({ status: Schema.Literal("skipped"), ms: Schema.Finite })
  ])

/** An entry on the wire. `ms` is how long a part took, `complete` that every part is `ok` or `skipped`. */
export const EntryAnswer = Schema.Struct({
  roomId: RoomId,
  /** Null for a guest. */
  userId: Schema.NullOr(UserId),
  mode: Mode,
  complete: Schema.Boolean,
  parts: Schema.Struct({
    version: part(VersionInfo),
    live: part(LiveRoom),
    user: part(UserProfile),
    equity: part(UserEquity),
    statistics: part(RoomStatistics)
  })
}).annotate({ identifier: "Entry" })
export type EntryAnswer = typeof EntryAnswer.Type

/** Previews on the wire, in the order of the ids. */
export const PreviewAnswer = Schema.Struct({
  complete: Schema.Boolean,
  rooms: Schema.Array(
    Schema.Struct({
      roomId: RoomId,
      parts: Schema.Struct({ live: part(LiveRoom), statistics: part(RoomStatistics), anchor: part(UserProfile) })
    })
  )
}).annotate({ identifier: "Preview" })
export type PreviewAnswer = typeof PreviewAnswer.Type

/** The rooms of a preview on the wire: `ids=1001,1002`. */
export const RoomIdsText = Schema.String.annotate({
  description: "1 to 50 different room ids, separated by commas"
}).pipe(
  Schema.decodeTo(RoomIds, {
    decode: SchemaGetter.split(),
    encode: SchemaGetter.transform((ids: ReadonlyArray<string>) => ids.join(","))
  })
)

/** An error on the wire (RFC 9457). */
export const ProblemBody = Schema.Struct({
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  _tag: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  upstream: Schema.optionalKey(Schema.String),
  requestId: Schema.String
}).annotate({ identifier: "Problem" })
export type ProblemBody = typeof ProblemBody.Type

const problem = (status: number, description: string) =>
  ProblemBody.annotate({ identifier: `Problem${status}`, description }).pipe(
    HttpApiSchema.asJson({ contentType: "application/problem+json" }),
    HttpApiSchema.status(status)
  )

const entry = HttpApiEndpoint.get("entry", "/v1/rooms/:roomId/entry", {
  params: { roomId: RoomId },
  query: { mode: Schema.optionalKey(Mode), platform: Schema.optionalKey(Platform) },
  headers: {
    "x-user-id": Schema.optionalKey(UserId),
    "x-request-id": Schema.optionalKey(Schema.String),
    "x-envoy-expected-rq-timeout-ms": Schema.optionalKey(Schema.String)
  },
  success: EntryAnswer,
  error: [
    problem(400, "Bad input: the room id, the user id, the mode or the platform"),
    problem(404, "RoomNotFound, UserNotFound: of a required part"),
    problem(502, "UpstreamError: Unreachable, Status, Payload"),
    problem(503, "UpstreamError: Rejected; or the service is draining or overloaded"),
    problem(504, "UpstreamError: Timeout")
  ]
})
  .annotate(OpenApi.Summary, "Everything a viewer needs on entering a live room")
  .annotate(
    OpenApi.Description,
    "Asks five upstream services at once and answers in the time of the slowest. `mode`: `failfast`, `settle`, `degrade` " +
      "(the default) or `serial`. `platform`: `web` (the default), `ios` or `android`. The header `Server-Timing` says how " +
      "long each part took and how it was had."
  )

const preview = HttpApiEndpoint.get("preview", "/v1/rooms/preview", {
  query: { ids: RoomIdsText },
  headers: {
    "x-request-id": Schema.optionalKey(Schema.String),
    "x-envoy-expected-rq-timeout-ms": Schema.optionalKey(Schema.String)
  },
  success: PreviewAnswer,
  error: [
    problem(400, "Bad input: not 1 to 50 different room ids"),
    problem(503, "The service is draining or overloaded")
  ]
})
  .annotate(OpenApi.Summary, "Up to 50 rooms as a list shows them")
  .annotate(
    OpenApi.Description,
    "Of each room what is live, its statistics and its anchor's profile; each part fails alone, and so does a room that " +
      "does not exist. The header `Server-Timing` says for each kind of part what the slowest took and how they were had."
  )

/** The contract: `GET /v1/rooms/:roomId/entry` and `GET /v1/rooms/preview`. */
export class RoomApi extends HttpApi.make("portico")
  .add(HttpApiGroup.make("rooms").add(entry).add(preview))
  .annotate(OpenApi.Title, "Portico")
  .annotate(OpenApi.Version, "1") {}
