/**
 * What an entry costs without a socket: five calls with all their policies over a wire that answers at the next turn of the
 * event loop, combined and encoded. `node packages/room/benchmark/Entry.ts [unique|hot]`
 *
 * Processor time, in microseconds an entry, 64 entries at once. On a shared machine the least of many short rounds says
 * most: what else runs only adds.
 */
import * as Timeline from "@portico/fanout/Timeline"
import { Transport } from "@portico/upstream/Transport"
import { Console, Duration, Effect, Exit, Fiber, Layer } from "effect"
import * as EntryEncoding from "../src/EntryEncoding.ts"
import * as RoomEntry from "../src/RoomEntry.ts"
import { RoomId } from "../src/RoomId.ts"
import * as RoomUpstreams from "../src/RoomUpstreams.ts"
import { UserId } from "../src/UserId.ts"

const hot = process.argv[2] === "hot"
const atOnce = 64
const rounds = 100
const entriesARound = 640

const stream = (room: string, protocol: string) =>
  `{"protocol":"${protocol}","quality":"720p","url":"https://edge.example/${protocol}/${room}/720p"}`

/** What the upstreams answer: the bodies that apps/bench's nginx has. */
const bodyOf = (path: string): string => {
  const [, kind = "", id = "", what = ""] = path.split("/")
  if (kind === "rooms" && what === "") {
    const streams = ["hls", "flv", "webrtc"].map((protocol) => stream(id, protocol)).join(",")
    return `{"roomId":"${id}","title":"Evening songs by request","status":"live","anchorId":"a${id}","coverUrl":"https://cdn.example/covers/${id}.webp","startedAt":"2026-01-01T12:00:00Z","streams":[${streams}]}`
  }
  if (kind === "rooms") return `{"roomId":"${id}","viewers":15321,"likes":88214,"gifts":1204}`
  if (kind === "users" && what === "") {
    return `{"userId":"${id}","nickname":"Viewer ${id}","level":12,"avatarUrl":"https://cdn.example/avatars/${id}.webp"}`
  }
  if (kind === "users") {
    return `{"userId":"${id}","vip":true,"badges":["fan-12"],"coins":4200,"privileges":["entry-effect"]}`
  }
  return `{"latest":"8.14.2","minimum":"7.0.0","features":["gifts","co-stream","captions"]}`
}

let answers: Array<() => void> = []

const wire = Layer.succeed(Transport, {
  connect: () =>
    Effect.succeed((source, asker) => {
      const { path } = source.request()
      answers.push(() => asker.tell(Exit.succeed({ status: 200, headers: {}, body: bodyOf(path) })))
      return { end: () => {} }
    })
})

const endpoint = { baseUrl: new URL("http://upstream"), timeout: Duration.millis(800), maxResponse: 262_144 }
const upstreams = RoomUpstreams.layer({
  version: endpoint,
  live: endpoint,
  user: endpoint,
  equity: endpoint,
  statistics: endpoint
}).pipe(Layer.provide(wire))

let viewers = 0

const entry = Effect.suspend(() => {
  viewers++
  const viewer: RoomEntry.Viewer = {
    roomId: RoomId.make(hot ? "room" : `room${viewers}`),
    userId: UserId.make(`user${viewers}`),
    platform: "web"
  }
  return Effect.flatMap(Timeline.make, (timeline) =>
    RoomEntry.enter("degrade", viewer).pipe(
      Timeline.record(timeline),
      Effect.map((entry) => EntryEncoding.encode("degrade", viewer, entry, timeline).length)
    )
  )
})

const some = Effect.gen(function* () {
  const fibers = yield* Effect.replicateEffect(Effect.forkChild(entry, { startImmediately: true }), atOnce)
  while (fibers.some((fiber) => fiber.pollUnsafe() === undefined)) {
    yield* Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    const due = answers
    answers = []
    for (const answer of due) answer()
  }
  yield* Fiber.joinAll(fibers)
})

const round = Effect.gen(function* () {
  const before = process.cpuUsage()
  yield* Effect.replicateEffect(some, entriesARound / atOnce, { discard: true })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / entriesARound
})

await Effect.gen(function* () {
  yield* Effect.replicateEffect(round, 10, { discard: true })
  const costs = (yield* Effect.replicateEffect(round, rounds)).toSorted((a, b) => a - b)
  const us = (cost: number | undefined) => `${(cost ?? 0).toFixed(1)} us`
  yield* Console.log(`${hot ? "hot" : "unique"}: least ${us(costs[0])}, median ${us(costs[rounds / 2])} an entry`)
}).pipe(Effect.provide(upstreams), Effect.runPromise)
