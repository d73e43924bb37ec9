/**
 * `/admin/fault` on each upstream's own port: GET shows its fault, PUT sets one, DELETE heals it. Only who comes from this
 * machine may, and no fault ever strikes these routes.
 */
import { ByteSize, Clock, Effect, Option } from "effect"
import { HttpIncomingMessage, HttpServerRequest, type HttpServerResponse } from "effect/http"
import * as Answer from "./Answer.ts"
import * as Fault from "./Fault.ts"

export const path = "/admin/fault"

type Handler = Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest>

/** The handlers by method. */
export const handlers = (fault: Fault.Fault): Readonly<Record<"GET" | "PUT" | "DELETE", Handler>> => {
  const shown = Effect.map(Clock.currentTimeMillis, (now) => Answer.json(Fault.show(fault, now)))
  return {
    GET: guarded(() => shown),
    DELETE: guarded(() =>
      Effect.andThen(
        Effect.sync(() => Fault.heal(fault)),
        shown
      )
    ),
    PUT: guarded((request) =>
      request.text.pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.kibibytes(4)),
        Effect.flatMap(Fault.decode),
        Effect.flatMap((order) => Effect.map(Clock.currentTimeMillis, (now) => Fault.set(fault, order, now))),
        Effect.matchEffect({
          onSuccess: () => shown,
          onFailure: () => Effect.succeed(Answer.error(400, `the body should be ${Fault.expected}`))
        })
      )
    )
  }
}

const guarded = (handler: (request: HttpServerRequest.HttpServerRequest) => Handler): Handler =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
    isLoopback(Option.getOrElse(request.peerAddress, () => ""))
      ? handler(request)
      : Effect.succeed(Answer.error(403, `${path} is only for this machine: ask from loopback (127.0.0.1 or ::1)`))
  )

/** Whether the address of a socket's other end is this machine. */
export const isLoopback = (address: string): boolean =>
  /^(::1|(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3})$/i.test(address)
