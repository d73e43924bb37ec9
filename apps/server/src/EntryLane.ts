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
import { Bag, type Place } from "./Bag.ts"
import * as EntryAnswer from "./EntryAnswer.ts"
import * as EntryRequest from "./EntryRequest.ts"
import type { Exchange } from "./Exchange.ts"
import { FrontDoor, type Inside, type Lane } from "./FrontDoor.ts"

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
      const inside: Fibers = new Bag()
      const lane = yield* make(Duration.toMillis(entryDeadline), inside, door.handOn)
      yield* Effect.acquireRelease(
        Effect.sync(() => door.open(lane)),
        () =>
          Effect.suspend(() => {
            door.open(undefined)
            // And waits until they have said so: the router is there for as long as they need it.
            return Fiber.interruptAll(inside.values())
          })
      )
    })
  )

/** What is sent, and how the entry is counted. */
interface Answer {
  readonly body: string
  readonly outcome: string
  readonly millis: number
}

/** No id that needs decoding, and nothing behind it but a query: the rest is for the router. */
const plain = /^\/v1\/rooms\/([A-Za-z0-9_-]+)\/entry(?:$|\?)/

type AnyFiber = Fiber.Fiber<unknown, unknown>
type Fibers = Bag<AnyFiber>

/** What every entry uses. */
interface Lanes {
  readonly clock: Clock.Clock
  readonly inside: Fibers
  readonly handOn: FrontDoor["Service"]["handOn"]
  readonly durations: Effect.Success<typeof EntryAnswer.durations>
}

const make = (budget: number, inside: Fibers, handOn: FrontDoor["Service"]["handOn"]) =>
  Effect.gen(function* () {
    const durations = yield* EntryAnswer.durations
    const services = yield* Effect.context<RoomUpstreams>()
    const clock = yield* Clock.Clock
    const random = yield* Random.Random
    const lanes: Lanes = { clock, inside, handOn, durations }
    // As one flat map: what a request adds to a deep context copies all of it.
    const flat = Context.makeUnsafe<RoomUpstreams>(new Map(services.mapUnsafe))

    const lane: Lane = (exchange) => {
      // A body that nobody wants is to be read and let go of with care, which the router's server does.
      const isPlain = exchange.method === "GET" && !exchange.hasBody
      const roomId = isPlain ? plain.exec(exchange.url)?.[1] : undefined
      if (roomId === undefined) return undefined
      const asked = EntryRequest.decode(roomId, exchange.url, exchange.header(Identity.header))
      if ("detail" in asked) return undefined
      const ids = Envelope.idsOf(exchange.header(RequestId.header), exchange.header(TraceContext.header), random)
      const timeline = Timeline.begin(clock)
      const until = clock.currentTimeMillisUnsafe() + Deadline.forParts(budget, exchange.header(Deadline.header))
      const context = Envelope.under(flat, ids).pipe(
        Context.add(Deadline.Deadline, until),
        Context.add(Timeline.Current, timeline)
      )
      const entering = new Entering(lanes, exchange, asked, ids.requestId, timeline)
      return entering.begin(context)
    }
    return lane
  })

/** An entry under way. One object: it is there for as long as the slowest upstream takes. */
class Entering implements Inside {
  private readonly lanes: Lanes
  private readonly exchange: Exchange
  private readonly asked: EntryRequest.EntryRequest
  private readonly requestId: string
  private readonly timeline: Timeline.Timeline
  private fiber: AnyFiber | undefined
  private place: Place<AnyFiber> | undefined

  constructor(
    lanes: Lanes,
    exchange: Exchange,
    asked: EntryRequest.EntryRequest,
    requestId: string,
    timeline: Timeline.Timeline
  ) {
    this.lanes = lanes
    this.exchange = exchange
    this.asked = asked
    this.requestId = requestId
    this.timeline = timeline
  }

  begin(context: Context.Context<RoomUpstreams>): Inside {
    const { mode, viewer } = this.asked
    const fiber = Effect.runForkWith(context)(RoomEntry.enter(mode, viewer))
    this.fiber = fiber
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) this.ended(exit)
    else {
      this.place = this.lanes.inside.add(fiber)
      fiber.addObserver((exit) => this.ended(exit))
    }
    return this
  }

  end(): void {
    this.fiber?.interruptUnsafe(undefined, HttpServerError.ClientAbort.annotation)
  }

  private ended(exit: Exit.Exit<RoomEntry.RoomEntry, RoomEntry.EntryError>): void {
    const { asked, exchange, lanes, requestId, timeline } = this
    if (this.place !== undefined) lanes.inside.remove(this.place)
    const answer = Exit.isSuccess(exit) ? this.answerOf(exit.value) : Exit.failCause(exit.cause)
    if (!Exit.isExit(answer)) {
      const { body, outcome, millis } = answer
      lanes.durations(asked.mode, outcome, millis)
      const headers = EntryAnswer.headers(timeline, requestId)
      headers["content-type"] = EntryAnswer.contentType
      return exchange.answer(200, headers, body)
    }
    exchange.set(RequestId.header, requestId)
    const ended = { asked, timeline, exit: answer }
    lanes.handOn(exchange, (request) => void handedOn.set(request, ended))
  }

  private answerOf(value: RoomEntry.RoomEntry): Answer | Exit.Exit<never> {
    const { mode, viewer } = this.asked
    const millis = Timeline.elapsed(this.timeline, this.lanes.clock)
    try {
      const body = EntryEncoding.encode(mode, viewer, value, this.timeline)
      return { body, outcome: EntryAnswer.completeness(value), millis }
    } catch (defect) {
      return Exit.die(defect)
    }
  }
}
