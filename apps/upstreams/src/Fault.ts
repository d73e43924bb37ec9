/**
 * What may be wrong with an upstream, for those who want to break one and watch: slow, failing with a status, hanging, or
 * resetting the connection; each for all or a share of the requests, and for good or for a while.
 */
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Clock, Duration, Effect, Random, Schema } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import * as Answer from "./Answer.ts"
import * as Latency from "./Latency.ts"

const extent = {
  rate: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  for: Schema.optionalKey(Schema.DurationFromString)
}

const Order = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("slow"), latency: Latency.Latency, ...extent }),
  Schema.Struct({
    kind: Schema.Literal("status"),
    status: Schema.Int.check(Schema.isBetween({ minimum: 400, maximum: 599 })),
    retryAfter: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 86_400 }))),
    ...extent
  }),
  Schema.Struct({ kind: Schema.Literal("hang"), ...extent }),
  Schema.Struct({ kind: Schema.Literal("reset"), ...extent }),
  Schema.Struct({ kind: Schema.Literal("none"), ...extent })
])

/** A fault as it is asked for: what, and for which share (`rate`, 1) and how long (`for`, until it is healed). */
export type Order = typeof Order.Type

/** Reads an order from JSON. A misspelt key is an error: it would be a fault that does less than was asked for. */
export const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Order), { onExcessProperty: "error" })

/** What an order should be, for people. */
export const expected =
  'one of {"kind":"slow","latency":{"min":500,"max":900}} (milliseconds), {"kind":"status","status":503,"retryAfter":2} ' +
  '(400 to 599; retryAfter in seconds, optional), {"kind":"hang"}, {"kind":"reset"}, {"kind":"none"}; ' +
  'with, where wanted, "rate": 0 to 1 (the share of requests struck, 1) and "for": "30 seconds" (until healed)'

/** The state of one upstream. */
export interface Fault {
  /** How long its answers take while nothing is wrong. */
  readonly latency: Latency.Latency
  order: Order
  /** The instant of the Clock at which it heals by itself. */
  until: number
}

export const make = (latency: Latency.Latency): Fault => ({ latency, order: healthy, until: Infinity })

const healthy: Order = { kind: "none" }

export const set = (fault: Fault, order: Order, now: number): void => {
  fault.order = order
  fault.until = order.for === undefined ? Infinity : now + Duration.toMillis(order.for)
}

export const heal = (fault: Fault): void => set(fault, healthy, 0)

/** The state as `GET /admin/fault` shows it. */
export const show = (fault: Fault, now: number): string => {
  const { for: _, rate = 1, ...order } = current(fault, now)
  const remaining = fault.until === Infinity ? {} : { remainingMs: Math.ceil(fault.until - now) }
  return JSON.stringify({
    ...order,
    ...(order.kind === "none" ? {} : { rate, ...remaining }),
    usualLatency: fault.latency
  })
}

const current = (fault: Fault, now: number): Order => {
  if (fault.until <= now) heal(fault)
  return fault.order
}

/**
 * Answers after the latency, or does what is wrong at the moment. The wait is on the Clock, and ends with the request when
 * the client leaves.
 */
export const strike = <E, R>(
  fault: Fault,
  answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest> =>
  Effect.withFiber((fiber) => {
    const random = fiber.getRef(Random.Random)
    const order =
      fault.order === healthy ? healthy : current(fault, fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
    const { rate = 1 } = order
    const struck = order.kind !== "none" && (rate === 1 || random.nextDoubleUnsafe() < rate)
    const latency = struck && order.kind === "slow" ? order.latency : fault.latency
    const millis = Latency.draw(latency, random)
    const then = struck ? outcome(order, answer) : answer
    return millis === 0 ? then : Effect.andThen(Effect.sleep(millis), then)
  })

const outcome = <E, R>(
  order: Order,
  answer: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R | HttpServerRequest.HttpServerRequest> => {
  switch (order.kind) {
    case "status":
      return Effect.succeed(
        Answer.error(
          order.status,
          `told to fail with ${order.status} (/admin/fault)`,
          order.retryAfter === undefined ? {} : { "retry-after": String(order.retryAfter) }
        )
      )
    case "hang":
      return Effect.never
    case "reset":
      return reset
    default:
      return answer
  }
}

// The peer sees a RST. The end of the socket ends this request's fiber, as when a client leaves.
const reset = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
  NodeHttpServerRequest.toIncomingMessage(request).socket.resetAndDestroy()
  return Effect.never
})
