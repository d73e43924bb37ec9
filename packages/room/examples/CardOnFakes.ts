/** The card of Card.ts on fakes: the same Effect, another Layer. */
import { Live, type LiveRoom } from "@portico/room/Live"
import { RoomId, RoomNotFound } from "@portico/room/RoomId"
import { Statistics } from "@portico/room/Statistics"
import { UserId } from "@portico/room/UserId"
import { Timeout, UpstreamError } from "@portico/upstream/UpstreamError"
import { Console, Effect, Layer } from "effect"
import { card } from "./Card.ts"

const roomId = RoomId.make("1001")

const room: LiveRoom = {
  roomId,
  title: "Boleros",
  status: "live",
  anchorId: UserId.make("2010"),
  coverUrl: "",
  startedAt: "",
  streams: []
}

const live = Live.layerFake((asked) =>
  asked.roomId === roomId ? Effect.succeed(room) : Effect.fail(new RoomNotFound(asked))
)
const counted = Statistics.layerFake((asked) => Effect.succeed({ ...asked, viewers: 3, likes: 1, gifts: 0 }))
const down = Statistics.layerFake(() =>
  Effect.fail(new UpstreamError({ upstream: "statistics", reason: new Timeout({ limit: "attempt" }) }))
)

const show = (id: RoomId, statistics: Layer.Layer<Statistics>) =>
  card(id).pipe(
    Effect.map(({ title, viewers }) => `${title}, viewers: ${viewers}`),
    // What can go wrong with the room; the statistics, which are optional, add nothing to it.
    Effect.catchTag("RoomNotFound", () => Effect.succeed("no such room")),
    Effect.flatMap(Console.log),
    Effect.provide(Layer.merge(live, statistics))
  )

await Effect.runPromise(
  Effect.gen(function* () {
    yield* show(roomId, counted) // => Boleros, viewers: 3
    yield* show(roomId, down) // => Boleros, viewers: unknown
    yield* show(RoomId.make("9"), counted) // => no such room
  })
)
