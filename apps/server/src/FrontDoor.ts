/**
 * The HTTP server, which turns entries away at the door when there is no room: before a fiber, the router and the envelope
 * are set up for them. At three times the load two of three requests end here, and what one of them costs is taken from
 * those that are served: as a route, a refusal costs more than twice as much.
 *
 * Only refusals are cheaper here; the route itself counts whom it lets in.
 */
import { Server, type ServerOptions, ServerResponse } from "node:http"
import * as RequestId from "@portico/call/RequestId"
import { type LoadShed, overloaded } from "@portico/edge/LoadShed"
import * as Problem from "@portico/edge/Problem"
import type { Random } from "effect"
import * as EntryProblem from "./EntryProblem.ts"

export interface Door {
  readonly shed: LoadShed["Service"]
  /** For the ids of those turned away. */
  readonly random: Random.Random
  /** Whether a path is one of those that can be turned away. */
  readonly guards: (path: string) => boolean
}

export const make = (options: ServerOptions, door: Door): Server => new FrontDoor(options, door)

class FrontDoor extends Server {
  private readonly door: Door

  constructor(options: ServerOptions, door: Door) {
    super(options)
    this.door = door
  }

  // Node has no hook before the listeners of an event, and whoever listens answers.
  override emit(event: string, ...args: Array<unknown>): boolean {
    const response = args[1]
    return event === "request" && response instanceof ServerResponse && this.turnsAway(response)
      ? true
      : super.emit(event, ...args)
  }

  private turnsAway(response: ServerResponse): boolean {
    const { req: request } = response
    const { shed, random, guards } = this.door
    if (request.method !== "GET" || !guards(request.url ?? "") || !shed.refuses()) return false
    const id = RequestId.accept(givenId(request.rawHeaders)) ?? RequestId.make(random)
    const text = before + id + after
    const head = [...headers, RequestId.header, id, "content-length", String(text.length)]
    response.writeHead(answer.status, head).end(text, "latin1")
    return true
  }
}

/** The caller's id. From the headers as they came: those of `request.headers` are all put together when one is asked for. */
const givenId = (rawHeaders: ReadonlyArray<string>): string | undefined => {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === RequestId.header) return rawHeaders[index + 1]
  }
  return undefined
}

// The same answer as the route's, made once: only the id differs, and with it the length. All of it is ASCII, which as
// latin1 goes out a tenth cheaper.
const noId = "no-id"
const answer = Problem.response(EntryProblem.of(overloaded), noId)
const headers = Object.entries(answer.headers)
  .filter(([name]) => name !== "content-length")
  .flat()
const body = answer.body._tag === "Uint8Array" ? answer.body.body : new Uint8Array()
const [before = "", after = ""] = new TextDecoder().decode(body).split(noId)
