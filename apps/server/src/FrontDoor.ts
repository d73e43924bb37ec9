/**
 * The HTTP server, where requests for entries stand in line before anything is set up for them: a fiber, the router, the
 * envelope. Who waits then costs an object or two, and who is refused a write: at three times the load two of three
 * requests end here, and what one of them costs is taken from those that are served. As a route, a refusal costs more than
 * twice as much.
 *
 * A connection is read here for as long as it asks for nothing unusual (`PlainConnection`), and by Node from then on; either
 * way its requests come through the door.
 *
 * Whoever is refused is told by the end of the turn (`Refusals`), and only then begins whoever is let in: of a burst those who
 * are refused do not wait for what begins of it. Sixty at once before a process that is not warm yet, twenty of them let in:
 * the others heard of it after 8.4 ms, and do after 4.2.
 *
 * Who is let in after a while is handed on as by any proxy in front, with the header that says what time is left. What is
 * guarded here counts as work under way until its answer is sent, so that a drain waits for those in line too.
 */
import { type IncomingMessage, Server, type ServerOptions, ServerResponse } from "node:http"
import { Socket } from "node:net"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import { type Drain, Draining } from "@portico/edge/Drain"
import { type Caller, type LoadShed, overloaded, type Place } from "@portico/edge/LoadShed"
import * as Problem from "@portico/edge/Problem"
import * as SteadyClock from "@portico/edge/SteadyClock"
import { type Clock, Context, type Random } from "effect"
import { Bag } from "./Bag.ts"
import * as EntryProblem from "./EntryProblem.ts"
import { type Ending, type Exchange, OfNode, type Router } from "./Exchange.ts"
import { type Owner, PlainConnection } from "./PlainConnection.ts"
import * as ReadInPlace from "./ReadInPlace.ts"
import { Refusals } from "./Refusals.ts"

export interface Door {
  readonly shed: LoadShed["Service"]
  readonly drain: Drain["Service"]
  /** For the ids of those turned away. */
  readonly random: Random.Random
  /** For the date of what is sent. */
  readonly clock: Clock.Clock
  /** Whether a path is one of those that stand in line. */
  readonly guards: (path: string) => boolean
  /** Milliseconds within which an answer is of use. */
  readonly usefulFor: number
  /** As `EventLoop` has it. */
  readonly afterTurn: (callback: () => void, priority?: number) => void
}

/** What is under way in a lane. */
export interface Inside {
  /** The exchange is over, and with it what is still under way. */
  readonly end: () => void
}

/** Answers a request without the router, or leaves it to it: undefined. */
export type Lane = (exchange: Exchange) => Inside | undefined

/** What is behind the door: a lane, if one is open, and the router. */
export class FrontDoor extends Context.Service<
  FrontDoor,
  {
    /** From now on those let in go to `lane` first. */
    readonly open: (lane: Lane | undefined) => void
    /** Hands a request that was let in on to the router; `before` sees it first. */
    readonly handOn: (exchange: Exchange, before?: (request: IncomingMessage) => void) => void
  }
>()("@portico/server/FrontDoor") {}

/** The server, and what is behind its door. */
export const make = (options: ServerOptions, door: Door) => {
  const server = new GuardedServer(options, door)
  return {
    server,
    door: FrontDoor.of({
      open: (lane) => {
        server.lane = lane
      },
      handOn: (exchange, before) => server.handOn(exchange, before)
    })
  }
}

class GuardedServer extends Server {
  lane: Lane | undefined
  private readonly door: Door
  /** The connections that are read here. */
  private readonly plain = new Bag<PlainConnection>()
  private readonly owner: Owner
  /** Those for whom there is no time. */
  readonly refusals: Refusals<Exchange>
  /** For the first request of connections that Node has been given: it was let in already. */
  private readonly next = new WeakMap<Socket, Router>()

  constructor(options: ServerOptions, door: Door) {
    super(options)
    this.door = door
    this.refusals = new Refusals(
      (exchange) => this.turnAway(exchange, tooMuch),
      (callback) => door.afterTurn(callback, endOfTurn.refusals)
    )
    this.owner = {
      takes: door.guards,
      visit: (exchange) => this.admit(exchange),
      giveAway: (socket, next) => {
        if (next !== undefined) {
          this.next.set(socket, next.router)
          socket.once("close", next.left)
        }
        super.emit("connection", socket)
      },
      patience: { first: this.headersTimeout, next: this.keepAliveTimeout },
      isClosing: () => !this.listening,
      date: dates(door.clock)
    }
  }

  // Node has no hook before the listeners of an event, and whoever listens answers.
  override emit(event: string, ...args: Array<unknown>): boolean {
    const [first, second] = args
    if (event === "connection" && first instanceof Socket && this.read(first)) return true
    if (event === "request" && second instanceof ServerResponse && this.takes(second)) return true
    return super.emit(event, ...args)
  }

  handOn(exchange: Exchange, before?: (request: IncomingMessage) => void): void {
    exchange.handOn((request, response) => {
      before?.(request)
      super.emit("request", request, response)
    })
  }

  // `close` calls this, and waits for all connections.
  override closeIdleConnections(): void {
    super.closeIdleConnections()
    for (const connection of this.plain.values()) connection.closeIfIdle()
  }

  override closeAllConnections(): void {
    super.closeAllConnections()
    for (const { socket } of this.plain.values()) socket.destroy()
  }

  /** Whether it is read here. */
  private read(socket: Socket): boolean {
    const begin = ReadInPlace.take(socket, this)
    if (begin === undefined) return false
    const place = this.plain.add(new PlainConnection(begin, this.owner, () => this.plain.remove(place)))
    return true
  }

  private takes(response: ServerResponse): boolean {
    const { method, socket, url = "" } = response.req
    const router = this.next.get(socket)
    if (router !== undefined) {
      this.next.delete(socket)
      router(response.req, response)
      return true
    }
    const isGuarded = (method === "GET" || method === "HEAD") && this.door.guards(url)
    if (isGuarded) this.admit(new OfNode(response))
    return isGuarded
  }

  private admit(exchange: Exchange): void {
    const { drain, shed } = this.door
    if (!drain.enter()) return this.turnAway(exchange, draining)
    const visit = new Visit(this, exchange)
    visit.place = shed.arrive(visit)
    exchange.onEnd(visit)
  }

  ended(place: Place | undefined): void {
    const { drain, shed } = this.door
    if (place !== undefined) shed.leave(place)
    drain.leave()
  }

  atEndOfTurn(callback: () => void): void {
    this.door.afterTurn(callback, endOfTurn.newcomers)
  }

  usefulFor(exchange: Exchange): number {
    return Math.min(this.door.usefulFor, Deadline.fromHeader(exchange.header(Deadline.header)) ?? Infinity)
  }

  turnAway(exchange: Exchange, { status, headers, before, after }: Refusal): void {
    const id = RequestId.accept(exchange.header(RequestId.header)) ?? RequestId.make(this.door.random)
    exchange.answer(status, { ...headers, [RequestId.header]: id }, before + id + after)
  }
}

/** A request at the door. One object: where too many come, hundreds stand in line. */
class Visit implements Caller, Ending {
  place: Place | undefined
  /** What is under way in the lane. */
  private inside: Inside | undefined
  private isOver = false
  private readonly server: GuardedServer
  private readonly exchange: Exchange

  constructor(server: GuardedServer, exchange: Exchange) {
    this.server = server
    this.exchange = exchange
  }

  usefulFor(): number {
    return this.server.usefulFor(this.exchange)
  }

  enter(waited: number): void {
    const { exchange, server } = this
    // Whoever stood in line was called at the end of a turn.
    if (waited === 0) return server.atEndOfTurn(() => this.begin())
    if (waited >= 1) exchange.set(Deadline.header, Deadline.toHeader(server.usefulFor(exchange) - waited))
    this.begin()
  }

  private begin(): void {
    // The client may have left since.
    if (this.isOver) return
    const { exchange, server } = this
    this.inside = server.lane?.(exchange)
    if (this.inside === undefined) server.handOn(exchange)
  }

  refuse(): void {
    this.server.refusals.add(this.exchange)
  }

  ended(): void {
    this.isOver = true
    this.inside?.end()
    this.server.ended(this.place)
  }
}

/**
 * The end of a turn: first whoever is refused is told, which takes a moment, then those begin who found room, and then, at 0,
 * the line comes round. Who found room came before all who stand in it, and it is to see what time their beginning takes.
 */
const endOfTurn = { refusals: -2, newcomers: -1 }

/** Now as HTTP writes it, looked at once a second. */
const dates = (clock: Clock.Clock) => {
  let second = NaN
  let text = ""
  return () => {
    const now = Math.floor(clock.currentTimeMillisUnsafe() / 1000)
    if (now !== second) {
      second = now
      text = SteadyClock.date(clock).toUTCString()
    }
    return text
  }
}

/** The answer of the routes, made once: only the id differs, and with it the length. */
const refusalOf = (error: EntryProblem.EntryFailure) => {
  const noId = "no-id"
  const answer = Problem.response(EntryProblem.of(error), noId)
  const body = answer.body._tag === "Uint8Array" ? answer.body.body : new Uint8Array()
  const [before = "", after = ""] = new TextDecoder().decode(body).split(noId)
  const { "content-length": _, ...headers } = answer.headers
  return { status: answer.status, headers, before, after }
}

type Refusal = ReturnType<typeof refusalOf>

const tooMuch = refusalOf(overloaded)
const draining = refusalOf(new Draining())
