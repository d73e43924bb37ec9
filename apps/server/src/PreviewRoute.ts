/**
 * `GET /v1/rooms/preview?ids=…`: up to 50 rooms as a list shows them. Nothing in it can fail as a whole but its admission:
 * what cannot be had is a part of its room.
 */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as Problem from "@portico/edge/Problem"
import * as ServerTiming from "@portico/edge/ServerTiming"
import * as Telemetry from "@portico/edge/Telemetry"
import * as Timeline from "@portico/fanout/Timeline"
import { RoomIdsText } from "@portico/room/RoomApi"
import * as RoomPreview from "@portico/room/RoomPreview"
import * as RoomPreviewEncoding from "@portico/room/RoomPreviewEncoding"
import { Cause, Clock, Duration, Effect, Exit, Option, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as GetRoute from "./GetRoute.ts"

const path = "/v1/rooms/preview"

/** A preview is granted what an entry is. */
export const layer = (entryDeadline: Duration.Duration) =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const durations = yield* Telemetry.durations({
        name: "preview_duration_seconds",
        description: "How long previews took, by how many rooms and by how they ended",
        kindLabel: "rooms",
        kinds: ["1", "2-10", "11-50"]
      })
      const handle = HttpServerRequest.HttpServerRequest.use((request) =>
        Option.match(roomIdsOf(request.url), {
          onNone: () => badRequest,
          onSome: (roomIds) => {
            const granted = Deadline.forParts(Duration.toMillis(entryDeadline), request.headers[Deadline.header])
            return answer(roomIds, granted, durations)
          }
        })
      )
      yield* GetRoute.add(router, path, handle)
    })
  )

const badRequest = Problem.respond({
  status: 400,
  tag: "BadRequest",
  detail: "The ids should be 1 to 50 different room ids, separated by commas, each 1 to 64 of A-Z a-z 0-9 _ -"
})

const decodeRoomIds = Schema.decodeUnknownOption(RoomIdsText)

/** The rooms asked for, unless they are named badly or twice over. Nothing is fetched then. */
const roomIdsOf = (url: string): Option.Option<RoomPreview.RoomIds> => {
  const start = url.indexOf("?")
  const given = start < 0 ? [] : new URLSearchParams(url.slice(start + 1)).getAll("ids")
  return given.length === 1 ? decodeRoomIds(given[0]) : Option.none()
}

const answer = (roomIds: RoomPreview.RoomIds, granted: number, durations: Telemetry.Durations) =>
  Effect.gen(function* () {
    const timeline = yield* Timeline.make
    const previews = yield* RoomPreview.preview(roomIds).pipe(
      Deadline.within(granted),
      Timeline.record(timeline),
      Effect.onExit((exit) =>
        Effect.withFiber((fiber) => {
          durations(sizeOf(roomIds), outcomeOf(exit), Timeline.elapsed(timeline, fiber.getRef(Clock.Clock)))
          return Effect.void
        })
      )
    )
    return HttpServerResponse.text(JSON.stringify(RoomPreviewEncoding.encode(previews, timeline)), {
      contentType: "application/json",
      headers: {
        "cache-control": "private, no-store",
        "server-timing": serverTiming(timeline),
        [RequestId.header]: yield* RequestId.RequestId
      }
    })
  })

const sizeOf = ({ length }: RoomPreview.RoomIds): string => (length === 1 ? "1" : length <= 10 ? "2-10" : "11-50")

/** `complete`, `partial`, or `left`: the client did not wait. */
const outcomeOf = (exit: Exit.Exit<ReadonlyArray<RoomPreview.RoomPreview>>): string => {
  if (Exit.isSuccess(exit)) return exit.value.every(RoomPreview.isComplete) ? "complete" : "partial"
  return Cause.hasInterruptsOnly(exit.cause) ? "left" : "defect"
}

/**
 * Each kind of part once: what the slowest took, and how many were had in which way. All parts of 50 rooms would make a
 * header longer than the 16 KiB that clients take; each part's own time is in the body.
 */
const serverTiming = ({ marks }: Timeline.Timeline): string =>
  ServerTiming.format(
    ["live", "statistics", "anchor"].map((name) => {
      const ofKind = marks.filter(({ part }) => part.endsWith(`/${name}`))
      return { name, millis: Math.max(0, ...ofKind.map(Timeline.duration)), description: countsOf(ofKind) }
    })
  )

const countsOf = (marks: ReadonlyArray<Timeline.Mark>): string => {
  const counts = new Map<string, number>()
  for (const how of marks.map(Timeline.how)) counts.set(how, (counts.get(how) ?? 0) + 1)
  return Array.from(counts, ([how, count]) => `${count} ${how}`).join(", ")
}
