/**
 * `GET /v1/rooms/{roomId}/entry`: from the request to the composition and back.
 *
 * It is a route beside the HttpApi that describes it (RoomApi), and takes its schemas from there: as an endpoint the same
 * ready answer took 1.6 times the processor time (62 to 72 against 39 to 49 us, three rounds of wrk on one core), for an
 * answer that is built by hand anyway. That the two agree is held by a test that
 * drives the route with the API's own client.
 */
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as Identity from "@portico/edge/Identity"
import * as Problem from "@portico/edge/Problem"
import * as ServerTiming from "@portico/edge/ServerTiming"
import * as Telemetry from "@portico/edge/Telemetry"
import * as Timeline from "@portico/fanout/Timeline"
import * as EntryEncoding from "@portico/room/EntryEncoding"
import * as RoomEntry from "@portico/room/RoomEntry"
import { RoomId } from "@portico/room/RoomId"
import { UserId } from "@portico/room/UserId"
import { Platform } from "@portico/room/Version"
import { Cause, Context, Duration, Effect, Exit, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as EntryProblem from "./EntryProblem.ts"
import * as GetRoute from "./GetRoute.ts"

const path = "/v1/rooms/:roomId/entry"

export const layer = (entryDeadline: Duration.Duration) =>
  HttpRouter.use((router) =>
    Effect.gen(function* () {
      const budget = Duration.toMillis(entryDeadline)
      const durations = yield* Telemetry.durations({
        name: "entry_duration_seconds",
        description: "How long entries took, by mode and by how they ended",
        kindLabel: "mode",
        kinds: RoomEntry.Mode.literals
      })
      const handle = Effect.withFiber((fiber) => {
        const request = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
        const { params } = Context.getUnsafe(fiber.context, HttpRouter.RouteContext)
        const input = decode(params["roomId"], request)
        return "detail" in input ? Problem.respond(badRequest(input.detail)) : enter(input, request, budget, durations)
      })
      yield* GetRoute.add(router, path, handle)
      // No id at all is a bad id.
      yield* router.add("GET", "/v1/rooms//entry", Problem.respond(badRequest(badRoomId)))
    })
  )

/** Runs the entry under its deadline; the answer says in Server-Timing how it came about, also when it is an error. */
const enter = (
  { mode, viewer }: Input,
  request: HttpServerRequest.HttpServerRequest,
  budget: number,
  durations: Telemetry.Durations
) =>
  Effect.withFiber((fiber) => {
    const granted = Deadline.forParts(budget, request.headers[Deadline.header])
    return Effect.flatMap(Timeline.make, (timeline) =>
      RoomEntry.enter(mode, viewer).pipe(
        Deadline.within(granted),
        Timeline.record(timeline),
        (entry) =>
          Effect.onExitPrimitive(entry, (exit) => {
            durations(mode, outcomeOf(exit), Timeline.elapsed(timeline, fiber))
            return undefined
          }),
        Effect.map((entry) =>
          HttpServerResponse.text(EntryEncoding.encode(mode, viewer, entry, timeline), {
            contentType: "application/json",
            headers: {
              "cache-control": "private, no-store",
              "server-timing": serverTiming(timeline),
              [RequestId.header]: fiber.getRef(RequestId.RequestId)
            }
          })
        ),
        Effect.catch((error) => Problem.respond(EntryProblem.of(error), { "server-timing": serverTiming(timeline) }))
      )
    )
  })

/** `complete`, `partial`, the error's name, or `left`: the client did not wait. */
const outcomeOf = (exit: Exit.Exit<RoomEntry.RoomEntry, RoomEntry.EntryError>): string => {
  if (Exit.isSuccess(exit)) return RoomEntry.isComplete(exit.value) ? "complete" : "partial"
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return Cause.hasInterruptsOnly(exit.cause) ? "left" : "defect"
  return failure.error._tag === "UpstreamError" ? failure.error.reason._tag : failure.error._tag
}

const serverTiming = (timeline: Timeline.Timeline): string => ServerTiming.format(Timeline.metrics(timeline))

interface Input {
  readonly mode: RoomEntry.Mode
  readonly viewer: RoomEntry.Viewer
}

const isRoomId = Schema.is(RoomId)
const isUserId = Schema.is(UserId)
const isMode = Schema.is(RoomEntry.Mode)
const isPlatform = Schema.is(Platform)

/** The request as the domain's own types, or what is wrong with it. Nothing is fetched for a bad one. */
const decode = (
  roomId: string | undefined,
  request: HttpServerRequest.HttpServerRequest
): Input | { readonly detail: string } => {
  const query = queryOf(request.url)
  const mode = query === undefined ? "degrade" : single(query, "mode", "degrade")
  const platform = query === undefined ? "web" : single(query, "platform", "web")
  const userId = Identity.subject(request)
  if (!isRoomId(roomId)) return { detail: badRoomId }
  if (userId !== undefined && !isUserId(userId)) return { detail: "The user id should be 1 to 64 of A-Z a-z 0-9 _ -" }
  if (!isMode(mode)) return { detail: "The mode should be failfast, settle, degrade or serial." }
  if (!isPlatform(platform)) return { detail: "The platform should be web, ios or android." }
  return { mode, viewer: { roomId, userId, platform } }
}

const badRoomId = "The room id should be 1 to 64 of A-Z a-z 0-9 _ -"

const badRequest = (detail: string): Problem.Problem => ({ status: 400, tag: "BadRequest", detail })

const queryOf = (url: string): URLSearchParams | undefined => {
  const start = url.indexOf("?")
  return start < 0 ? undefined : new URLSearchParams(url.slice(start + 1))
}

/** The one value of a name; undefined where it is given twice, which is as bad as a wrong one. */
const single = (query: URLSearchParams, name: string, otherwise: string): string | undefined => {
  const values = query.getAll(name)
  return values.length > 1 ? undefined : (values[0] ?? otherwise)
}
