/**
 * `GET /v1/rooms/{roomId}/entry`: from the request to the composition and back.
 *
 * It is a route beside the HttpApi that describes it (RoomApi), and takes its schemas from there: as an endpoint the same
 * ready answer took 1.6 times the processor time (62 to 72 against 39 to 49 us, three rounds of wrk on one core), for an
 * answer that is built by hand anyway. That the two agree is held by a test that drives the route with the API's own client.
 *
 * Most entries do not come this far (EntryLane): those that do are asked for badly or unusually, or did not go well in the
 * lane, and are answered here by how they ended.
 */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as Identity from "@portico/edge/Identity"
import * as Problem from "@portico/edge/Problem"
import type * as Telemetry from "@portico/edge/Telemetry"
import * as Timeline from "@portico/fanout/Timeline"
import * as EntryEncoding from "@portico/room/EntryEncoding"
import * as RoomEntry from "@portico/room/RoomEntry"
import type { RoomUpstreams } from "@portico/room/RoomUpstreams"
import { Clock, Context, Duration, Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as EntryAnswer from "./EntryAnswer.ts"
import * as EntryLane from "./EntryLane.ts"
import * as EntryProblem from "./EntryProblem.ts"
import * as EntryRequest from "./EntryRequest.ts"
import * as GetRoute from "./GetRoute.ts"

const path = "/v1/rooms/:roomId/entry"

export const layer = (entryDeadline: Duration.Duration) =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const budget = Duration.toMillis(entryDeadline)
      const durations = yield* EntryAnswer.durations
      const handle = Effect.withFiber((fiber) => {
        const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
        const ended = EntryLane.endedOf(request.source)
        if (ended !== undefined) return answer(ended.asked, ended.timeline, ended.exit, durations)
        const { params } = Context.getUnsafe(fiber.context, HttpRouter.RouteContext)
        const asked = EntryRequest.decode(params["roomId"], request.url, request.headers[Identity.header])
        return "detail" in asked ? Problem.respond(badRequest(asked.detail)) : enter(asked, request, budget, durations)
      })
      yield* GetRoute.add(router, path, handle)
      // No id at all is a bad id.
      yield* router.add("GET", "/v1/rooms//entry", Problem.respond(badRequest(EntryRequest.badRoomId)))
    })
  )

/** Runs the entry under its deadline. */
const enter = (
  asked: EntryRequest.EntryRequest,
  request: HttpServerRequest.HttpServerRequest,
  budget: number,
  durations: Telemetry.Durations
) =>
  Effect.flatMap(Timeline.make, (timeline) => {
    const entry = RoomEntry.enter(asked.mode, asked.viewer).pipe(
      Deadline.within(Deadline.forParts(budget, request.headers[Deadline.header])),
      Timeline.record(timeline)
    )
    return answer(asked, timeline, entry, durations)
  })

/** What `entry` comes to; the answer says in Server-Timing how it came about, also when it is an error. */
const answer = (
  { mode, viewer }: EntryRequest.EntryRequest,
  timeline: Timeline.Timeline,
  entry: Effect.Effect<RoomEntry.RoomEntry, RoomEntry.EntryError, RoomUpstreams>,
  durations: Telemetry.Durations
) =>
  Effect.withFiber((fiber) =>
    entry.pipe(
      (running) =>
        Effect.onExitPrimitive(running, (exit) => {
          durations(mode, EntryAnswer.outcomeOf(exit), Timeline.elapsed(timeline, fiber.getRef(Clock.Clock)))
          return undefined
        }),
      Effect.map((value) =>
        HttpServerResponse.text(EntryEncoding.encode(mode, viewer, value, timeline), {
          contentType: EntryAnswer.contentType,
          headers: EntryAnswer.headers(timeline, fiber.getRef(RequestId.RequestId))
        })
      ),
      Effect.catch((error) =>
        Problem.respond(EntryProblem.of(error), { "server-timing": EntryAnswer.serverTiming(timeline) })
      )
    )
  )

const badRequest = (detail: string): Problem.Problem => ({ status: 400, tag: "BadRequest", detail })
