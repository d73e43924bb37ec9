/**
 * The HTTP server, where requests for entries stand in line before anything is set up for them: a fiber, the router, the
 * envelope. Who waits then costs two of Node's objects, and who is refused a write: at three times the load two of three
 * requests end here, and what one of them costs is taken from those that are served. As a route, a refusal costs more than
 * twice as much.
 *
 * Who is let in after a while is handed on as by any proxy in front, with the header that says what time is left. What is
 * guarded here counts as work under way until its answer is sent, so that a drain waits for those in line too.
 */
import { type IncomingMessage, Server, type ServerOptions, ServerResponse } from "node:http"
import type { Socket } from "node:net"
import * as Deadline from "@portico/call/Deadline"
import * as RequestId from "@portico/call/RequestId"
import { type Drain, Draining } from "@portico/edge/Drain"
import { type Caller, type LoadShed, overloaded } from "@portico/edge/LoadShed"
import * as Problem from "@portico/edge/Problem"
import { Context, type Random } from "effect"
import * as EntryProblem from "./EntryProblem.ts"

export interface Door {
  readonly shed: LoadShed["Service"]
  readonly drain: Drain["Service"]
  /** For the ids of those turned away. */
  readonly random: Random.Random
  /** Whether a path is one of those that stand in line. */
  readonly guards: (path: string) => boolean
  /** Milliseconds within which an answer is of use. */
  readonly usefulFor: number
}

/**
 * Answers a request without the router, or leaves it to it: undefined. What comes back is called when the connection is done
 * with it: it ends what is still under way.
 */
export type Lane = (request: IncomingMessage, response: ServerResponse) => (() => void) | undefined

/** What is behind the door: a lane, if one is open, and the router. */
export class FrontDoor extends Context.Service<
  FrontDoor,
  {
    /** From now on those let in go to `lane` first. */
    readonly open: (lane: Lane | undefined) => void
    /** Hands a request that was let in on to the router. */
    readonly handOn: (request: IncomingMessage, response: ServerResponse) => void
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
      handOn: (request, response) => server.handOn(request, response)
    })
  }
}

class GuardedServer extends Server {
  lane: Lane | undefined
  private readonly door: Door
  private readonly early = new WeakMap<Socket, Set<() => void>>()

  constructor(options: ServerOptions, door: Door) {
    super(options)
    this.door = door
  }

  // Node has no hook before the listeners of an event, and whoever listens answers.
  override emit(event: string, ...args: Array<unknown>): boolean {
    const response = args[1]
    if (event !== "request" || !(response instanceof ServerResponse) || !this.isGuarded(response.req)) {
      return super.emit(event, ...args)
    }
    this.admit(response.req, response)
    return true
  }

  handOn(request: IncomingMessage, response: ServerResponse): void {
    super.emit("request", request, response)
  }

  private isGuarded({ method, url }: IncomingMessage): boolean {
    return (method === "GET" || method === "HEAD") && this.door.guards(url ?? "")
  }

  private admit(request: IncomingMessage, response: ServerResponse): void {
    const { drain, shed } = this.door
    if (!drain.enter()) return this.turnAway(response, draining)
    let stop: (() => void) | undefined
    const caller: Caller = {
      usefulFor: () => this.usefulFor(request),
      enter: (waited) => {
        if (waited >= 1) request.headers[Deadline.header] = Deadline.toHeader(this.usefulFor(request) - waited)
        stop = this.lane?.(request, response)
        if (stop === undefined) this.handOn(request, response)
      },
      refuse: (inFlood) => {
        if (inFlood) response.shouldKeepAlive = false
        this.turnAway(response, tooMuch)
      }
    }
    const place = shed.arrive(caller)
    // Refused at once, and answered: a listener that would count it out later costs some of what a refusal does.
    if (place.state === "gone") return drain.leave()
    // One that came before its predecessor was answered has no socket yet, and hears nothing of the socket's end.
    const early = response.socket === null ? this.earlyOn(request.socket) : undefined
    let counted = true
    const leave = () => {
      if (!counted) return
      counted = false
      early?.delete(leave)
      stop?.()
      shed.leave(place)
      drain.leave()
    }
    early?.add(leave)
    response.once("close", leave)
  }

  /** What is to be done for the early ones when their connection ends: one listener for however many there are. */
  private earlyOn(socket: Socket): Set<() => void> {
    const known = this.early.get(socket)
    if (known !== undefined) return known
    const made = new Set<() => void>()
    this.early.set(socket, made)
    socket.once("close", () => made.forEach((leave) => leave()))
    return made
  }

  private usefulFor(request: IncomingMessage): number {
    return Math.min(this.door.usefulFor, Deadline.fromHeader(given(request, Deadline.header)) ?? Infinity)
  }

  private turnAway(response: ServerResponse, { status, headers, before, after }: Refusal): void {
    const id = RequestId.accept(given(response.req, RequestId.header)) ?? RequestId.make(this.door.random)
    const text = before + id + after
    response
      .writeHead(status, [...headers, RequestId.header, id, "content-length", String(text.length)])
      .end(text, "latin1")
  }
}

/** A header as it came: those of `request.headers` are all put together when one is asked for. */
const given = ({ rawHeaders }: IncomingMessage, name: string): string | undefined => {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const each = rawHeaders[index]
    if (each?.length === name.length && each.toLowerCase() === name) return rawHeaders[index + 1]
  }
  return undefined
}

/**
 * The answer of the routes, made once: only the id differs, and with it the length. All of it is ASCII, which as latin1 goes
 * out a tenth cheaper.
 */
const refusalOf = (error: EntryProblem.EntryFailure) => {
  const noId = "no-id"
  const answer = Problem.response(EntryProblem.of(error), noId)
  const body = answer.body._tag === "Uint8Array" ? answer.body.body : new Uint8Array()
  const [before = "", after = ""] = new TextDecoder().decode(body).split(noId)
  const headers = Object.entries(answer.headers)
    .filter(([name]) => name !== "content-length")
    .flat()
  return { status: answer.status, headers, before, after }
}

type Refusal = ReturnType<typeof refusalOf>

const tooMuch = refusalOf(overloaded)
const draining = refusalOf(new Draining())
