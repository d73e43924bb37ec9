/** A Transport that a test plays: it says what each attempt meets, and sees what was put on the wire. */
import { Clock, Effect, Exit, Layer } from "effect"
import { fromEffect, type Request, type Response, Transport } from "../src/Transport.ts"
import type { UpstreamError } from "../src/UpstreamError.ts"

/** One attempt on the wire. */
export interface Exchange {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string | undefined
  readonly at: number
  state: "open" | "answered" | "aborted"
}

/** What an attempt meets; `nth` counts from 1. */
export type Play = (exchange: Exchange, nth: number) => Effect.Effect<Response, UpstreamError>

export const make = (play: Play) => {
  const exchanges: Array<Exchange> = []
  const send = ({ method, path, headers, body }: Request) =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      const exchange: Exchange = { method, path, headers: pairs(headers), body, at, state: "open" }
      const nth = exchanges.push(exchange)
      return yield* Effect.onExit(play(exchange, nth), (exit) =>
        Effect.sync(() => {
          exchange.state = Exit.hasInterrupts(exit) ? "aborted" : "answered"
        })
      )
    })
  const layer = Layer.succeed(Transport, { connect: () => fromEffect(send) })
  return { layer, exchanges }
}

/** An answer of JSON. */
export const ok = (json: unknown): Effect.Effect<Response> =>
  Effect.succeed({ status: 200, headers: {}, body: JSON.stringify(json) })

/** An answer of a status alone. */
export const status = (status: number, headers: Response["headers"] = {}): Effect.Effect<Response> =>
  Effect.succeed({ status, headers, body: "" })

const pairs = (headers: ReadonlyArray<string>): Record<string, string | undefined> =>
  Object.fromEntries(headers.flatMap((name, index) => (index % 2 === 0 ? [[name, headers[index + 1]] as const] : [])))
