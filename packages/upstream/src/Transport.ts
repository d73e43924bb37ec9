/**
 * The port to the wire, and its layer over undici.
 *
 * A {@link Wire} sends one request to one upstream and brings back a whole, size-limited body; every cause of failure
 * becomes an `UpstreamError`. Interrupting a request closes its socket at once, whether it waits for a connection, for the
 * head or within the body. There is no timeout here: time is the business of the policies.
 *
 * It speaks to undici's `dispatch` rather than through an HTTP client abstraction because five fetches an entry make this
 * the hottest path of all: see apps/bench for what the stock client costs.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import { type Dispatcher, Pool } from "undici"
import { Payload, Unreachable, UpstreamError } from "./UpstreamError.ts"

export interface Request {
  readonly method: "GET" | "POST"
  readonly path: string
  /** Names and values in turn. */
  readonly headers: Array<string>
  readonly body?: string
}

export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string | Array<string> | undefined>>
  readonly body: Buffer
}

/** A way to one upstream. */
export type Wire = (request: Request) => Effect.Effect<Response, UpstreamError>

export interface WireOptions {
  /** The upstream's name, for its errors. */
  readonly upstream: string
  /** Scheme, host and port, and perhaps a path that goes before each request's. */
  readonly baseUrl: URL
  /** The largest body taken, in bytes. */
  readonly maxResponse: number
}

export class Transport extends Context.Service<
  Transport,
  { readonly connect: (options: WireOptions) => Effect.Effect<Wire, never, Scope.Scope> }
>()("@portico/upstream/Transport") {
  /**
   * Over undici: a pool of keep-alive connections for each upstream, as many as there are requests under way (the bulkhead
   * bounds those), closed with the scope. undici's own timers tick in coarse steps and are off.
   */
  static readonly layer: Layer.Layer<Transport> = Layer.succeed(Transport, {
    connect: (options) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(
            () =>
              new Pool(options.baseUrl.origin, {
                pipelining: 1,
                headersTimeout: 0,
                bodyTimeout: 0,
                maxResponseSize: options.maxResponse,
                keepAliveTimeout: 30_000,
                connect: { timeout: 10_000 }
              })
          ),
          (pool) => Effect.promise(() => pool.destroy())
        ),
        (pool) => send(pool, options)
      )
  })
}

const send =
  (pool: Pool, { upstream, baseUrl }: WireOptions): Wire =>
  (request) =>
    Effect.callback((resume) => {
      const exchange = new Exchange(upstream, resume)
      pool.dispatch(
        {
          path: prefix(baseUrl) + request.path,
          method: request.method,
          headers: request.headers,
          body: request.body ?? null
        },
        exchange
      )
      return Effect.sync(() => exchange.abandon())
    })

const prefix = (baseUrl: URL): string => (baseUrl.pathname === "/" ? "" : baseUrl.pathname.replace(/\/$/, ""))

/** One request and its answer, as undici tells of it. */
class Exchange implements Dispatcher.DispatchHandler {
  private readonly upstream: string
  private readonly resume: (outcome: Effect.Effect<Response, UpstreamError>) => void
  private controller: Dispatcher.DispatchController | undefined
  private abandoned = false
  private status = 0
  private headers: Response["headers"] = {}
  private first: Buffer | undefined
  private rest: Array<Buffer> | undefined

  constructor(upstream: string, resume: (outcome: Effect.Effect<Response, UpstreamError>) => void) {
    this.upstream = upstream
    this.resume = resume
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    this.controller = controller
    // Whoever asked left while the request waited for a connection: it is not sent.
    if (this.abandoned) controller.abort(left)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Response["headers"]) {
    this.status = status
    this.headers = headers
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer) {
    if (this.first === undefined) this.first = chunk
    else if (this.rest === undefined) this.rest = [this.first, chunk]
    else this.rest.push(chunk)
  }

  onResponseEnd() {
    const body = this.rest === undefined ? (this.first ?? empty) : Buffer.concat(this.rest)
    this.resume(Effect.succeed({ status: this.status, headers: this.headers, body }))
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error) {
    if (!this.abandoned)
      this.resume(Effect.fail(new UpstreamError({ upstream: this.upstream, reason: classify(error) })))
  }

  abandon() {
    this.abandoned = true
    this.controller?.abort(left)
  }
}

const left = new Error("nobody waits for this answer any longer")

const empty = Buffer.alloc(0)

const classify = (error: Error): Unreachable | Payload => {
  const code = "code" in error && typeof error.code === "string" ? error.code : ""
  if (code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") return new Payload({ why: "over the size limit" })
  return new Unreachable({ why: error.name === "HTTPParserError" ? "not HTTP" : whyUnreachable(code) })
}

const whyUnreachable = (code: string): Unreachable["why"] => {
  if (code.startsWith("HPE_") || code === "UND_ERR_HEADERS_OVERFLOW" || code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH")
    return "not HTTP"
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || tls.has(code)) return "tls"
  return causes[code] ?? "other"
}

const causes: Readonly<Record<string, Unreachable["why"]>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  UND_ERR_CONNECT_TIMEOUT: "connect timeout",
  ETIMEDOUT: "connect timeout"
}

const tls = new Set([
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "EPROTO"
])
