/** What several tests need: the service in this process over upstreams that a test plays, and a client that says what came. */
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Transport } from "@portico/upstream/Transport"
import { Context, Data, Duration, Effect, Layer, Schedule } from "effect"
import { HttpServer } from "effect/http"
import * as Server from "../src/Server.ts"

class NotYet extends Data.TaggedError("NotYet")<{}> {}

/** Waits until something holds that a socket or another process brings about; fails after `millis`. */
export const eventually = (condition: () => boolean, millis = 1_000) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail(new NotYet()))).pipe(
    Effect.retry({ times: millis / 10, schedule: Schedule.spaced(10) })
  )

/** The path of a request that a scripted server got. */
export const pathOf = (head: string) => head.split(" ")[1]!

/** What a well upstream answers, by path. */
export const good = (path: string): string => {
  const [first, id, second] = path
    .split("?")[0]!
    .split("/")
    .filter((part) => part !== "")
  if (first === "version") return JSON.stringify({ latest: "2", minimum: "1", features: [] })
  if (first === "rooms" && second === undefined) {
    return JSON.stringify({
      roomId: id,
      title: "t",
      status: "live",
      anchorId: "a",
      coverUrl: "c",
      startedAt: null,
      streams: []
    })
  }
  if (first === "rooms") return JSON.stringify({ roomId: id, viewers: 1, likes: 2, gifts: 3 })
  if (second === "equity") return JSON.stringify({ userId: id, vip: true, badges: [], coins: 1, privileges: [] })
  return JSON.stringify({ userId: id, nickname: "n", level: 1, avatarUrl: "u" })
}

export const answerWell: ScriptedServer.Script = (socket, head) =>
  ScriptedServer.answer(socket, 200, good(pathOf(head)))

/** Answers the paths that match with a status and nothing else, and the others well. */
export const failing =
  (path: RegExp, status: number): ScriptedServer.Script =>
  (socket, head) =>
    path.test(pathOf(head)) ? ScriptedServer.answer(socket, status, "") : answerWell(socket, head)

/** Which of the five a request was for. */
export const upstreamOf = (head: string): RoomUpstreams.Name => {
  const path = pathOf(head)
  if (path.startsWith("/version")) return "version"
  if (path.startsWith("/rooms/")) return path.endsWith("/statistics") ? "statistics" : "live"
  return path.includes("/equity") ? "equity" : "user"
}

/** The service over one scripted server that plays all five upstreams. */
export const serve = (script: ScriptedServer.Script, settings: Partial<Server.ServerSettings> = {}) =>
  Effect.gen(function* () {
    const upstream = yield* ScriptedServer.make(script)
    const endpoint = { baseUrl: upstream.url, timeout: Duration.millis(400), maxResponse: 10_000 }
    const context = yield* Layer.build(
      Server.layer({
        host: "127.0.0.1",
        port: 0,
        entryDeadline: Duration.millis(500),
        drain: Duration.millis(500),
        ...settings
      }).pipe(
        Layer.provide(
          RoomUpstreams.layer({
            version: endpoint,
            live: endpoint,
            user: endpoint,
            equity: endpoint,
            statistics: endpoint
          })
        ),
        Layer.provide(Transport.layer)
      )
    )
    const { address } = Context.get(context, HttpServer.HttpServer)
    return { upstream, url: HttpServer.formatAddress(address) }
  })

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The JSON that came; nothing where there was no body. */
  readonly body: Record<string, unknown>
}

/** Nothing whole came back: the connection was refused or cut. */
export class NoAnswer extends Data.TaggedError("NoAnswer")<{ readonly cause: unknown }> {}

export const request = (url: string, init: RequestInit): Effect.Effect<Answer, NoAnswer> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { signal, ...init })
      const text = await response.text()
      const body = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>
      return { status: response.status, headers: response.headers, body }
    },
    catch: (cause) => new NoAnswer({ cause })
  })

export const get = (url: string, headers: Record<string, string> = { "x-user-id": "2001" }) => request(url, { headers })

/** The parts of an entry's answer. */
export const partsOf = ({ body }: Answer) => body["parts"] as Record<string, Record<string, unknown>>
