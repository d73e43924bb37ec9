/** What several tests need: a folder that goes with the test, the five on free ports, and a client that says what came. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Context, Data, Effect, Layer, Schema } from "effect"
import * as Upstreams from "../src/Upstreams.ts"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "portico-upstreams-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export const upstreams = (options: Partial<Upstreams.Options> = {}) =>
  Effect.gen(function* () {
    const data = options.data ?? (yield* folder)
    const context = yield* Layer.build(Upstreams.layer({ latency: { min: 0, max: 0 }, ...options, data }))
    return Context.get(context, Upstreams.Upstreams).baseUrls
  })

export interface Got {
  readonly status: number
  readonly headers: Headers
  /** The JSON that came, whatever it is. */
  readonly body: unknown
}

export class RequestFailed extends Data.TaggedError("RequestFailed")<{ readonly cause: unknown }> {}

export const get = (url: string, init: RequestInit = {}): Effect.Effect<Got, RequestFailed> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { signal, ...init })
      const text = await response.text()
      const body: unknown = text === "" ? undefined : JSON.parse(text)
      return { status: response.status, headers: response.headers, body }
    },
    catch: (cause) => new RequestFailed({ cause })
  })

export const put = (base: string, order: unknown) =>
  get(`${base}/admin/fault`, { method: "PUT", body: typeof order === "string" ? order : JSON.stringify(order) })

/** What the body says of what went wrong. */
export const complaint = ({ body }: Got) =>
  Effect.map(Schema.decodeUnknownEffect(Schema.Struct({ error: Schema.String }))(body), ({ error }) => error)

export const took = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, (value) => [performance.now() - from, value] as const)
  })
