/**
 * A keep-alive connection to an origin, HTTP/1.1, over TCP or TLS: one exchange after another.
 */
/* oxlint-disable no-restricted-globals, no-restricted-properties -- idleness is the sockets' time: it decides nothing of a call */
import { connect as connectTcp, isIP, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import type { Heads } from "./Http1Head.ts"
import { Http1Response, type Progress, type Whole } from "./Http1Response.ts"

/** Why an exchange failed: an error of the socket, or of what came over it. */
export type Failure = NodeJS.ErrnoException | "closed" | "malformed" | "too large" | "connect timeout"

/** What goes out. */
export interface Message {
  /** The request line and headers, and the empty line after them. */
  readonly head: string
  readonly body: string | undefined
}

/** One request and its answer. Whoever sends it makes a class of it, so that it is one object with who is told. */
export abstract class Exchange {
  /** Whether the peer may see it twice. */
  readonly idempotent: boolean
  /** Once it has one. */
  connection: Connection | undefined
  resent = false
  private readonly queue: Queue
  /** Undefined once they have gone out. */
  private head: string | undefined
  private body: string | undefined

  constructor(queue: Queue, { head, body }: Message, idempotent: boolean) {
    this.queue = queue
    this.head = head
    this.body = body
    this.idempotent = idempotent
  }

  /** What is to be sent now. It is not kept, since hardly ever one goes out twice. */
  take(): Message {
    const { head = "", body } = this
    this.head = undefined
    this.body = undefined
    return { head, body }
  }

  /** Makes it ready to go out once more, on another connection; false where that cannot be. */
  rewind(): boolean {
    const message = this.remake()
    this.connection = undefined
    this.resent = true
    this.head = message?.head
    this.body = message?.body
    return message !== undefined
  }

  /** The message once more, if it still can be sent. */
  protected abstract remake(): Message | undefined

  /** Told once how it ended, unless it was ended before. */
  abstract tell(outcome: Whole | Failure): void

  /** Ends it. */
  end(): void {
    if (this.connection === undefined) this.queue.giveUp(this)
    else this.connection.abandon(this)
  }
}

/** Where an exchange waits until it has a connection. */
interface Queue {
  /** It does not wait any longer. */
  giveUp(exchange: Exchange): void
}

export interface ConnectionOptions {
  readonly origin: URL
  readonly maxBody: number
  /** How long a peer may be silent until it is connected; 10 seconds unless said otherwise. */
  readonly connectMillis?: number
}

const idleMillis = 30_000

/** What the bytes of all connections are read into: in place, before anything else is read. One each adds up at thousands. */
const shared = Buffer.allocUnsafeSlow(65_536)

/** What a connection tells its pool. */
export interface Owner {
  readonly ready: (connection: Connection) => void
  /** It can carry another exchange. */
  readonly free: (connection: Connection) => void
  /** It was closed before it had anything to say to this. */
  readonly resend: (exchange: Exchange) => void
  /** It never came about. */
  readonly unreachable: (connection: Connection, failure: Failure) => void
  readonly gone: (connection: Connection) => void
}

export class Connection {
  private readonly socket: Socket
  private readonly owner: Owner
  private readonly response: Http1Response
  /** Until when it may be used again, by the clock of `performance`. */
  idleUntil = Infinity
  private connected = false
  private gone = false
  /** Whether it has carried an exchange, and whether anything has come of the one that it carries. */
  private used = false
  private heard = false
  private exchange: Exchange | undefined

  constructor({ origin, maxBody, connectMillis = 10_000 }: ConnectionOptions, owner: Owner, heads: Heads) {
    this.owner = owner
    this.response = new Http1Response(maxBody, heads)
    this.socket = dial(origin, (bytes) => this.read(bytes))
    this.socket.setNoDelay(true)
    this.socket.setTimeout(connectMillis, () => this.destroy("connect timeout"))
    this.socket
      .once(origin.protocol === "https:" ? "secureConnect" : "connect", () => this.ready())
      .on("error", (error: NodeJS.ErrnoException) => this.destroy(error))
      .on("end", () => this.ended())
      .on("close", () => this.destroy("closed"))
  }

  begin(exchange: Exchange): void {
    const { head, body } = exchange.take()
    this.exchange = exchange
    this.heard = false
    exchange.connection = this
    if (body === undefined) this.socket.write(head, "latin1")
    else {
      this.socket.cork()
      this.socket.write(head, "latin1")
      this.socket.write(body, "utf8")
      this.socket.uncork()
    }
  }

  /** Whoever asked does not wait any longer. */
  abandon(exchange: Exchange): void {
    if (this.exchange !== exchange) return
    this.exchange = undefined
    this.destroy("closed")
  }

  destroy(failure: Failure): void {
    if (this.gone) return
    this.gone = true
    this.socket.destroy()
    this.owner.gone(this)
    if (!this.connected) this.owner.unreachable(this, failure)
    this.finish(failure)
  }

  private ready(): void {
    if (this.gone) return
    this.connected = true
    this.socket.setTimeout(0)
    this.idleUntil = performance.now() + idleMillis
    this.owner.ready(this)
  }

  private read(bytes: Buffer): void {
    if (this.gone) return
    // Nobody asked for anything: whatever this is, the next answer cannot be told from it.
    if (this.exchange === undefined) return this.destroy("malformed")
    this.heard = true
    const progress: Progress = this.response.push(bytes)
    if (progress === "more") return
    if (typeof progress === "string") return this.destroy(progress)
    this.complete(progress)
  }

  private complete(response: Whole): void {
    const { exchange } = this
    this.exchange = undefined
    this.used = true
    const keepAlive = keepAliveMillis(response)
    // An answer that did not wait for the whole request leaves a peer that may have stopped reading.
    if (!response.reusable || keepAlive === 0 || this.socket.writableLength > 0) this.destroy("closed")
    else {
      this.idleUntil = performance.now() + keepAlive
      this.owner.free(this)
    }
    exchange?.tell(response)
  }

  private ended(): void {
    const response = this.exchange === undefined ? undefined : this.response.close()
    if (response !== undefined) this.complete(response)
    this.destroy("closed")
  }

  private finish(failure: Failure): void {
    const { exchange } = this
    this.exchange = undefined
    if (exchange === undefined) return
    const crossed = this.used && !this.heard && isClosed(failure)
    if (crossed && exchange.idempotent && !exchange.resent) this.owner.resend(exchange)
    else exchange.tell(failure)
  }
}

const isClosed = (failure: Failure): boolean =>
  failure === "closed" || (typeof failure === "object" && (failure.code === "ECONNRESET" || failure.code === "EPIPE"))

/** Connects to the origin. The bytes given to `read` are only good until it returns. */
const dial = (origin: URL, read: (bytes: Buffer) => void): Socket => {
  const host = origin.hostname.replace(/^\[|\]$/g, "")
  if (origin.protocol === "https:") {
    const port = origin.port === "" ? 443 : Number(origin.port)
    // An address is no server name (RFC 6066); a certificate is checked against it all the same.
    const servername = isIP(host) === 0 ? { servername: host } : {}
    return connectTls({ host, port, ...servername, ALPNProtocols: ["http/1.1"] }).on("data", read)
  }
  // No stream between, and no buffer of its own: it saves an allocation of 64 KiB a read.
  const onread = {
    buffer: shared,
    callback: (size: number) => {
      read(shared.subarray(0, size))
      return true
    }
  }
  return connectTcp({ host, port: origin.port === "" ? 80 : Number(origin.port), onread })
}

/** How long the connection may idle: a second less than the peer says, since its clock began to run earlier. */
const keepAliveMillis = ({ headers }: Whole): number => {
  const hint = headers["keep-alive"]
  if (hint === undefined) return idleMillis
  const seconds = /(?:^|,)\s*timeout=(\d{1,6})/i.exec(hint)?.[1]
  return seconds === undefined ? idleMillis : Math.max(0, Math.min(idleMillis, Number(seconds) * 1000 - 1000))
}
