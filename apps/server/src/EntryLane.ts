/**
 * The lane of entries that are asked for as nearly all are: `GET`, a plain path, nothing wrong with it. From the door to the
 * composition and, where that went well, to the socket, without what makes a router general: the layers of a request's
 * context, a response as a value, its headers read and checked. That is a quarter of what an entry costs in a hot room
 * (82 to 59 us of processor time with batches, 127 to 114 without; 225 to 201 in unique rooms; servers side by side).
 *
 * It knows one answer. Whatever else comes of an entry, an error, a defect, an interruption, goes the long way: the request is
 * handed on to the router, whose route (EntryRoute) finds here how it ended, so that there is one place that makes problems,
 * logs and reports.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import * as Envelope from "@portico/edge/Envelope"
import * as Identity from "@portico/edge/Identity"
import * as Timeline from "@portico/fanout/Timeline"
import * as EntryEncoding from "@portico/room/EntryEncoding"
import * as RoomEntry from "@portico/room/RoomEntry"
import type { RoomUpstreams } from "@portico/room/RoomUpstreams"
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Random } from "effect"
import { HttpServerError } from "effect/http"
import * as EntryAnswer from "./EntryAnswer.ts"
import * as EntryRequest from "./EntryRequest.ts"
import { FrontDoor, type Lane } from "./FrontDoor.ts"

/** An entry that did not go well: what is left is to say so. */
export interface Ended {
  readonly asked: EntryRequest.EntryRequest
  readonly timeline: Timeline.Timeline
  readonly exit: Exit.Exit<never, RoomEntry.EntryError>
}

const handedOn = new WeakMap<object, Ended>()

/** How the entry of a request ended that the lane has handed on; undefined for one that it never saw. */
export const endedOf = (request: object): Ended | undefined => handedOn.get(request)

/** Opens the lane at the door for as long as the scope lasts; what is in it then is interrupted. */
export const layer = (entryDeadline: Duration.Duration): Layer.Layer<never, never, FrontDoor | RoomUpstreams> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const door = yield* FrontDoor
      const inside = new Inside()
      const lane = yield* make(Duration.toMillis(entryDeadline), inside, door.handOn)
      yield* Effect.acquireRelease(
        Effect.sync(() => door.open(lane)),
        () =>
          Effect.suspend(() => {
            door.open(undefined)
            return inside.interrupt()
          })
      )
    })
  )

/** What is sent, and how the entry is counted. */
interface Answer {
  readonly body: Buffer
  readonly outcome: string
  readonly millis: number
}

/** No id that needs decoding, and nothing behind it but a query: the rest is for the router. */
const plain = /^\/v1\/rooms\/([A-Za-z0-9_-]+)\/entry(?:$|\?)/

const make = (budget: number, inside: Inside, handOn: FrontDoor["Service"]["handOn"]) =>
  Effect.gen(function* () {
    const durations = yield* EntryAnswer.durations
    const services = yield* Effect.context<RoomUpstreams>()
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    // As one flat map: what a request adds to a deep context copies all of it.
    const flat = Context.makeUnsafe<RoomUpstreams>(new Map(services.mapUnsafe))

    const enter = (request: IncomingMessage, response: ServerResponse, asked: EntryRequest.EntryRequest) => {
      const { mode, viewer } = asked
      const { headers } = request
      const ids = Envelope.idsOf(textOf(headers[RequestId.header]), textOf(headers[TraceContext.header]), random)
      const timeline = Timeline.begin(clock)
      const until = clock.currentTimeMillisUnsafe() + Deadline.forParts(budget, textOf(headers[Deadline.header]))
      const context = Envelope.under(flat, ids).pipe(
        Context.add(Deadline.Deadline, until),
        Context.add(Timeline.Current, timeline)
      )
      const entry = Effect.map(RoomEntry.enter(mode, viewer), (value) => {
        const millis = Timeline.elapsed(timeline, clock)
        const body = Buffer.from(EntryEncoding.encode(mode, viewer, value, timeline))
        return { body, outcome: EntryAnswer.completeness(value), millis }
      })
      const end = (exit: Exit.Exit<Answer, RoomEntry.EntryError>) => {
        if (Exit.isSuccess(exit)) {
          const { body, outcome, millis } = exit.value
          durations(mode, outcome, millis)
          return write(response, body, EntryAnswer.headers(timeline, ids.requestId))
        }
        handedOn.set(request, { asked, timeline, exit: Exit.failCause(exit.cause) })
        request.headers[RequestId.header] = ids.requestId
        handOn(request, response)
      }
      const fiber = Effect.runForkWith(context)(entry)
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) {
        end(exit)
        return nothing
      }
      const place = inside.add(fiber)
      fiber.addObserver((exit) => {
        inside.remove(place)
        end(exit)
      })
      return () => fiber.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
    }

    const lane: Lane = (request, response) => {
      const { method, url = "", headers } = request
      // A body that nobody wants is to be read and let go of with care, which the router's server does.
      const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined
      const roomId = method === "GET" && !hasBody ? plain.exec(url)?.[1] : undefined
      if (roomId === undefined) return undefined
      const asked = EntryRequest.decode(roomId, url, textOf(headers[Identity.header]))
      return "detail" in asked ? undefined : enter(request, response, asked)
    }
    return lane
  })

const nothing = () => {}

interface Place {
  at: number
  readonly fiber: Fiber.Fiber<unknown, unknown>
}

/**
 * The fibers that are under way. In an array, whose last fills the gap that one leaves: a map in which a thousand come and go
 * keeps them alive in the tables that it has outgrown, and p99 twice as long (what a scope has for its finalizers, too).
 */
class Inside {
  private readonly places: Array<Place> = []

  add(fiber: Place["fiber"]): Place {
    const place = { at: this.places.length, fiber }
    this.places.push(place)
    return place
  }

  remove(place: Place): void {
    const last = this.places.pop()
    if (last === undefined || last === place) return
    this.places[place.at] = last
    last.at = place.at
  }

  /** Interrupts them, and waits until they have ended and said so: the router is there for as long as they need it. */
  interrupt(): Effect.Effect<void> {
    return Fiber.interruptAll(this.places.map(({ fiber }) => fiber))
  }
}

/** Only `set-cookie` is ever a list. */
const textOf = (value: string | Array<string> | undefined): string | undefined =>
  typeof value === "string" ? value : undefined

const write = (response: ServerResponse, body: Buffer, headers: Record<string, string>): void => {
  // The client has left just now.
  if (response.destroyed) return
  headers["content-type"] = EntryAnswer.contentType
  headers["content-length"] = String(body.length)
  response.writeHead(200, headers).end(body)
}
