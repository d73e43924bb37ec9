/**
 * The port to the wire, and its layer over HTTP/1.1.
 *
 * A {@link Wire} sends one request to one upstream and brings back a whole, size-limited body; every cause of failure
 * becomes an `UpstreamError`. Ending a request closes its socket at once, whether it waits for a connection, for the head or
 * within the body. There is no timeout here: time is the business of whoever sends.
 *
 * The port is a plain call, and tells, not an Effect: the sender has one Effect around it for the waiting and the time
 * limit, where an Effect here would need a fiber of its own for each. {@link fromEffect} makes a wire of an Effect, for tests
 * and for other clients.
 */
import type * as Direct from "@portico/call/Direct"
import { Context, Effect, Exit, Layer, type Scope } from "effect"
import { Exchange, type Failure, type Message } from "./internal/Http1Connection.ts"
import { Http1Pool } from "./internal/Http1Pool.ts"
import { Payload, Rejected, Unreachable, UpstreamError } from "./UpstreamError.ts"

/** One request on the wire. */
export interface Request {
  readonly method: "GET" | "POST"
  /** Begins with a slash, and is encoded. */
  readonly path: string
  /** Names and values in turn. Those that say where the request goes and where it ends are the wire's own. */
  readonly headers: ReadonlyArray<string>
  readonly body?: string
}

/** What a request comes from. */
export interface Source {
  /**
   * Makes the request, anew for each time that it goes out: whatever goes out has a span id of its own. And nothing of it has
   * to be kept meanwhile: of an attempt under way it would be a quarter of what a young collection copies.
   */
  readonly request: () => Request
}

/** A whole answer, whatever its status. */
export interface Response {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What became of a request: an answer, or why there was none. */
export type Outcome = Exit.Exit<Response, UpstreamError>

/** A request that is on its way. */
export interface Sent {
  /** Ends it at once: whoever asked is told nothing any more. After it was told: nothing. */
  readonly end: () => void
}

/** A way to one upstream. The asker is told once, perhaps before it returns, unless the request was ended before. */
export type Wire = (source: Source, asker: Direct.Asker<Response, UpstreamError>) => Sent

/** A wire of an Effect, which runs in the context that the wire is made in. Ending a request interrupts it. */
export const fromEffect = <R>(
  send: (request: Request) => Effect.Effect<Response, UpstreamError, R>
): Effect.Effect<Wire, never, R> =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.succeed((source, asker) => {
      const sent = Effect.runForkWith(context)(send(source.request()))
      const forget = sent.addObserver((outcome) => asker.tell(outcome))
      return {
        end: () => {
          forget()
          sent.interruptUnsafe()
        }
      }
    })
  )

/** Which upstream a wire leads to. */
export interface WireOptions {
  /** The upstream's name, for its errors. */
  readonly upstream: string
  /** Scheme, host and port, and perhaps a path that goes before each request's. */
  readonly baseUrl: URL
  /** The largest body taken, in bytes. */
  readonly maxResponse: number
}

/** Where wires come from: {@link Transport.layer} is the real one. */
export class Transport extends Context.Service<
  Transport,
  {
    /** A wire to one upstream, for as long as the scope lasts. */
    readonly connect: (options: WireOptions) => Effect.Effect<Wire, never, Scope.Scope>
  }
>()("@portico/upstream/Transport") {
  /**
   * The real one: for each upstream as many keep-alive connections as there are requests under way (the bulkhead bounds
   * those), closed with the scope.
   */
  static readonly layer: Layer.Layer<Transport> = Layer.succeed(Transport, {
    connect: (options) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => new Http1Pool({ origin: options.baseUrl, maxBody: options.maxResponse })),
          (pool) => Effect.sync(() => pool.destroy())
        ),
        (pool) => overHttp1(pool, options)
      )
  })
}

/** What all requests to an upstream have in common. */
interface Origin {
  readonly upstream: string
  /** What goes before each path. */
  readonly prefix: string
  /** What goes before each request's headers. */
  readonly always: string
}

const overHttp1 = (pool: Http1Pool, { upstream, baseUrl }: WireOptions): Wire => {
  const prefix = baseUrl.pathname.replace(/\/$/, "")
  const always = `\r\nhost: ${baseUrl.host}\r\nconnection: keep-alive\r\n`
  const origin: Origin = { upstream, prefix, always }
  return (source, asker) => {
    const request = source.request()
    const message = messageOf(request, origin)
    if (message === undefined) {
      asker.tell(Exit.fail(new UpstreamError({ upstream, reason: new Rejected({ by: "path" }) })))
      return nothing
    }
    const exchange = new OverHttp1(pool, origin, source, message, request.method === "GET", asker)
    pool.send(exchange)
    return exchange
  }
}

const nothing: Sent = { end: () => {} }

/** Tells what an exchange was to the upstream. */
class OverHttp1 extends Exchange implements Sent {
  private readonly origin: Origin
  private readonly source: Source
  private readonly asker: Direct.Asker<Response, UpstreamError>

  constructor(
    pool: Http1Pool,
    origin: Origin,
    source: Source,
    message: Message,
    idempotent: boolean,
    asker: Direct.Asker<Response, UpstreamError>
  ) {
    super(pool, message, idempotent)
    this.origin = origin
    this.source = source
    this.asker = asker
  }

  protected override remake(): Message | undefined {
    return messageOf(this.source.request(), this.origin)
  }

  override tell(outcome: Response | Failure): void {
    const { asker, origin } = this
    asker.tell(
      typeof outcome === "object" && "status" in outcome
        ? Exit.succeed(outcome)
        : Exit.fail(new UpstreamError({ upstream: origin.upstream, reason: reasonOf(outcome) }))
    )
  }
}

/** What goes out for it; undefined where a part of the head would not end where it should. */
const messageOf = ({ method, path, headers, body }: Request, { prefix, always }: Origin): Message | undefined => {
  if (!target.test(path)) return undefined
  let head = `${method} ${prefix}${path} HTTP/1.1${always}`
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]
    const value = headers[index + 1]
    if (name === undefined || value === undefined || !isName(name) || !printable.test(value)) return undefined
    head += `${name}: ${value}\r\n`
  }
  if (body !== undefined) head += `content-length: ${Buffer.byteLength(body)}\r\n`
  else if (method === "POST") head += "content-length: 0\r\n"
  return { head: `${head}\r\n`, body }
}

/** Names are the same ones again and again. */
const isName = (name: string): boolean => {
  if (names.has(name)) return true
  if (!token.test(name)) return false
  if (names.size < 64) names.add(name)
  return true
}

const names = new Set<string>()

/** A path and query. Without the slash it could be a URL, and name another host. */
const target = /^\/[!"$-~]*$/
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** What goes out as it is. Of other characters only the lower half would: of U+010A a line feed. */
const printable = /^[\t -~\x80-\xff]*$/

const reasonOf = (failure: Failure): Unreachable | Payload => {
  switch (failure) {
    case "too large":
      return new Payload({ why: "over the size limit" })
    case "malformed":
      return new Unreachable({ why: "not HTTP" })
    case "closed":
      return new Unreachable({ why: "reset" })
    case "connect timeout":
      return new Unreachable({ why: "connect timeout" })
    default:
      return new Unreachable({ why: whyUnreachable(failure.code ?? "") })
  }
}

const whyUnreachable = (code: string): Unreachable["why"] => {
  if (code.startsWith("ERR_TLS") || code.startsWith("ERR_SSL") || tls.has(code)) return "tls"
  return causes[code] ?? "other"
}

const causes: Readonly<Record<string, Unreachable["why"]>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  ETIMEDOUT: "connect timeout"
}

/** What OpenSSL says of certificates, beside what Node says of them and of the protocol. */
const tls = new Set([
  "CERT_CHAIN_TOO_LONG",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "CERT_REJECTED",
  "CERT_REVOKED",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "EPROTO",
  "HOSTNAME_MISMATCH",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
])
