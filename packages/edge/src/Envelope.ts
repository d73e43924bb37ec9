/**
 * What every request gets on its way in and every answer on its way out: an id, a place in a trace, and, where something
 * went wrong outside a handler's own errors, a problem instead of an empty body.
 *
 * One global middleware around all routes, so that also an unknown path, a malformed one and a handler that broke are
 * answered alike. An interruption passes through: a client that left is no error of ours, and gets no 503.
 */
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Cause, Context, Effect, Random } from "effect"
import { HttpEffect, HttpRouter, HttpServerError, HttpServerRequest, HttpServerResponse } from "effect/http"
import * as Problem from "./Problem.ts"

/** Under which names a request is known, and what is done for it. */
export interface Ids {
  readonly requestId: string
  readonly trace: TraceContext.TraceContext
}

/** Those that came with the request, by the values of its headers; what did not come, or is not safe, is made. */
export const idsOf = (requestId: string | undefined, trace: string | undefined, random: Random.Random): Ids => ({
  requestId: RequestId.accept(requestId) ?? RequestId.make(random),
  trace: TraceContext.fromHeader(trace) ?? TraceContext.make(random)
})

/** The context in which a request is answered. */
export const under = <R>(context: Context.Context<R>, { requestId, trace }: Ids): Context.Context<R> =>
  context.pipe(Context.add(RequestId.RequestId, requestId), Context.add(TraceContext.TraceContext, trace))

/** The middleware, for every route of the router. */
export const layer = HttpRouter.middleware(
  (app) =>
    Effect.withFiber((fiber) => {
      const { headers, url } = Context.getUnsafe(fiber.context, HttpServerRequest.HttpServerRequest)
      const random = fiber.getRef(Random.Random)
      const ids = idsOf(headers[RequestId.header], headers[TraceContext.header], random)
      const { requestId } = ids
      // Not around the handler but before the sending: it also reaches what the server answers for a handler that it cut.
      HttpEffect.appendPreResponseHandlerUnsafe(fiber.context, (_, answer) => Effect.succeed(finish(answer, requestId)))
      return app.pipe(
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : explain(cause, url, requestId)
        ),
        Effect.updateContext((context: Context.Context<never>) => under(context, ids))
      )
    }),
  { global: true }
)

/** What Effect would answer, with the status it chose; what nobody foresaw is logged with its cause. */
const explain = (cause: Cause.Cause<unknown>, url: string, requestId: string) =>
  Effect.flatMap(HttpServerError.causeResponse(cause), ([answer]) => {
    // The router finds nothing at a path that it cannot decode.
    const status = answer.status === 404 && !isDecodable(url) ? 400 : answer.status
    const problem = Effect.succeed(Problem.response(Problem.ofStatus(status), requestId))
    return status < 500 ? problem : Effect.andThen(Effect.logError(`request ${requestId} broke`, cause), problem)
  })

const isDecodable = (url: string): boolean => {
  try {
    decodeURIComponent(url.split("?", 1)[0] ?? "")
    return true
  } catch {
    return false
  }
}

const finish = (answer: HttpServerResponse.HttpServerResponse, requestId: string) => {
  const full =
    answer.status >= 400 && answer.body._tag === "Empty"
      ? Problem.response(Problem.ofStatus(answer.status), requestId)
      : answer
  return RequestId.header in full.headers ? full : HttpServerResponse.setHeader(full, RequestId.header, requestId)
}
