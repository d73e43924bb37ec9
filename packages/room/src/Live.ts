/** The live upstream: the room itself, and where its streams are. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"
import { RoomId, RoomNotFound } from "./RoomId.ts"
import { UserId } from "./UserId.ts"

/** A room: what it is called, whether it is live, whose it is, and where its streams are. */
export const LiveRoom = Schema.Struct({
  roomId: RoomId,
  title: Schema.String,
  status: Schema.Literals(["live", "offline", "banned"]),
  anchorId: UserId,
  coverUrl: Schema.String,
  /** When the room went live, as the upstream writes it; null while it is not. */
  startedAt: Schema.NullOr(Schema.Union([Schema.String, Schema.Finite])),
  streams: Schema.Array(
    Schema.Struct({
      protocol: Schema.Literals(["hls", "flv", "webrtc"]),
      quality: Schema.String,
      url: Schema.String
    })
  )
})
export type LiveRoom = typeof LiveRoom.Type

/** The upstream. A room that does not exist is its one error. */
export class Live extends Upstream.Service<Live>()("live", {
  input: Schema.Struct({ roomId: RoomId }),
  output: LiveRoom,
  errors: [RoomNotFound]
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly roomId: RoomId }, LiveRoom, RoomNotFound> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ roomId }) => Path.get`/rooms/${roomId}`,
    on: { 404: ({ roomId }) => new RoomNotFound({ roomId }) },
    // A second: what a title or a stream's URL may lag behind. In a hot room it is one fetch a second for all viewers.
    policies: { ...policies(endpoint), freshFor: "1 second" }
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
