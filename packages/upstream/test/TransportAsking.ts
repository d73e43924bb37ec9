/** Asking over a connected Transport, one request after another, and saying why one failed. */
import { Effect, type Scope } from "effect"
import { type Request, type Response, type Source, Transport, type Wire } from "../src/Transport.ts"
import type { UpstreamError } from "../src/UpstreamError.ts"

/** The real Transport to one upstream. */
export const connect = (baseUrl: URL): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.flatMap(Transport, (transport) =>
    transport.connect({ upstream: "thing", baseUrl, maxResponse: 1_000_000 })
  ).pipe(Effect.provide(Transport.layer))

export const send = (wire: Wire, request: Request): Effect.Effect<Response, UpstreamError> =>
  sendAnew(wire, { request: () => request })

/** Of what is made anew for each time that it goes out. */
export const sendAnew = (wire: Wire, source: Source): Effect.Effect<Response, UpstreamError> =>
  Effect.callback<Response, UpstreamError>((resume) => {
    const sent = wire(source, { tell: resume })
    return Effect.sync(() => sent.end())
  })

export const get = (wire: Wire, path: string, headers: ReadonlyArray<string> = []) =>
  send(wire, { method: "GET", path, headers })
export const post = (wire: Wire, path: string, body: string) => send(wire, { method: "POST", path, headers: [], body })

/** Why it failed: the reason, and what it says beside. */
export const why = (call: Effect.Effect<Response, UpstreamError>) =>
  Effect.map(Effect.flip(call), ({ reason }) => ("why" in reason ? `${reason._tag}: ${reason.why}` : reason._tag))
