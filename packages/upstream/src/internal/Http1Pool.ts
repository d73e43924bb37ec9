/**
 * Keep-alive connections to one origin, and the exchanges on them: one at a time on each, HTTP/1.1, over TCP or TLS.
 *
 * A request takes the connection that was used last, or opens one. Ending a request closes its connection at once, because
 * there is no other way in HTTP/1.1 to tell the peer. Idle connections are closed after a while, or earlier where the peer
 * says so (`Keep-Alive: timeout`), so that a request is not sent into a connection that the peer is closing. Where that
 * happens all the same, an idempotent request is sent once more (RFC 9110, section 9.2.2).
 *
 * It is ours, and no library's, for one reason: five exchanges an entry are most of what it costs, and this one costs some
 * 55 % of undici's (benchmark/Wire.ts). What it lacks no upstream call needs: redirects, proxies, pipelining, upgrades.
 */
/* oxlint-disable no-restricted-globals, no-restricted-properties -- idleness is the sockets' time: it decides nothing of a call */
import { connect as connectTcp, isIP, type Socket } from "node:net"
import { connect as connectTls } from "node:tls"
import { Heads } from "./Http1Head.ts"
import { Http1Response, type Progress, type Whole } from "./Http1Response.ts"

/** Why an exchange failed: an error of the socket, or of what came over it. */
export type Failure = NodeJS.ErrnoException | "closed" | "malformed" | "too large" | "connect timeout"

/** One request and its answer. Whoever sends it makes a class of it, so that it is one object with who is told. */
export abstract class Exchange {
  /** The request line and headers, as they go out. */
  readonly head: string
  readonly body: string | undefined
  /** Whether the peer may see it twice. */
  readonly idempotent: boolean
  /** Once it has one. */
  connection: Connection | undefined
  resent = false
  private readonly pool: Pick<Http1Pool, "giveUp">

  /** For the pool by which it is sent. */
  constructor(pool: Pick<Http1Pool, "giveUp">, head: string, body: string | undefined, idempotent: boolean) {
    this.pool = pool
    this.head = head
    this.body = body
    this.idempotent = idempotent
  }

  /** Told once how it ended, unless it was ended before. */
  abstract tell(outcome: Whole | Failure): void

  /** Ends it. */
  end(): void {
    if (this.connection === undefined) this.pool.giveUp(this)
    else this.connection.abandon(this)
  }
}

export interface PoolOptions {
  readonly origin: URL
  readonly maxBody: number
  /** How long a peer may be silent until it is connected; 10 seconds unless said otherwise. */
  readonly connectMillis?: number
}

const idleMillis = 30_000
/** How often is looked for connections that were idle for too long: within the second that is kept of a peer's word. */
const sweepMillis = 500
/** What the bytes of all connections are read into: in place, before anything else is read. One each adds up at thousands. */
const shared = Buffer.allocUnsafeSlow(65_536)

export class Http1Pool {
  private readonly options: PoolOptions
  private readonly owner: Owner
  private readonly heads = new Heads()
  private readonly all = new Set<Connection>()
  /** The one used last is at the end. */
  private readonly idle: Array<Connection> = []
  /** No fewer than those that wait for them. */
  private readonly connecting: Array<Connection> = []
  private readonly waiting = new Set<Exchange>()
  private destroyed = false
  /** One for all: a timer for each connection would be set anew with every read and write. */
  private sweeper: NodeJS.Timeout | undefined

  constructor(options: PoolOptions) {
    this.options = options
    this.owner = {
      ready: (connection) => {
        remove(this.connecting, connection)
        this.serve(connection)
      },
      free: (connection) => this.serve(connection),
      resend: (exchange) => {
        exchange.connection = undefined
        exchange.resent = true
        this.wait(exchange)
      },
      unreachable: (connection, failure) => {
        remove(this.connecting, connection)
        // The others suffice, where a connection that became free has served somebody who waited.
        if (this.connecting.length >= this.waiting.size) return
        const [exchange] = this.waiting
        if (exchange === undefined) return
        this.waiting.delete(exchange)
        exchange.tell(failure)
      },
      gone: (connection) => {
        this.all.delete(connection)
        remove(this.idle, connection)
      }
    }
  }

  /** Sends the request. */
  send(exchange: Exchange): void {
    const connection = this.takeIdle()
    if (connection === undefined) this.wait(exchange)
    else connection.begin(exchange)
  }

  /** What was opened for it is given up with it: so there are no more connections than requests ever were at once. */
  giveUp(exchange: Exchange): void {
    if (this.waiting.delete(exchange) && this.connecting.length > this.waiting.size) {
      this.connecting.at(-1)?.destroy("closed")
    }
  }

  /** Closes every connection. Exchanges under way fail as closed, and so does what is sent later. */
  destroy(): void {
    this.destroyed = true
    clearTimeout(this.sweeper)
    for (const connection of this.all) connection.destroy("closed")
  }

  private wait(exchange: Exchange): void {
    if (this.destroyed) return exchange.tell("closed")
    this.waiting.add(exchange)
    if (this.connecting.length >= this.waiting.size) return
    const connection = new Connection(this.options, this.owner, this.heads)
    this.all.add(connection)
    this.connecting.push(connection)
  }

  private serve(connection: Connection): void {
    const [exchange] = this.waiting
    if (exchange === undefined) {
      this.idle.push(connection)
      this.sweeper ??= setTimeout(this.sweep, sweepMillis).unref()
      return
    }
    this.waiting.delete(exchange)
    connection.begin(exchange)
  }

  private takeIdle(): Connection | undefined {
    const now = performance.now()
    for (;;) {
      const connection = this.idle.pop()
      if (connection === undefined || connection.idleUntil > now) return connection
      connection.destroy("closed")
    }
  }

  private readonly sweep = (): void => {
    const now = performance.now()
    for (const connection of this.idle.filter(({ idleUntil }) => idleUntil <= now)) connection.destroy("closed")
    this.sweeper = this.idle.length === 0 ? undefined : setTimeout(this.sweep, sweepMillis).unref()
  }
}

/** What a connection tells its pool. */
interface Owner {
  readonly ready: (connection: Connection) => void
  /** It can carry another exchange. */
  readonly free: (connection: Connection) => void
  /** It was closed before it had anything to say to this. */
  readonly resend: (exchange: Exchange) => void
  /** It never came about. */
  readonly unreachable: (connection: Connection, failure: Failure) => void
  readonly gone: (connection: Connection) => void
}

class Connection {
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

  constructor({ origin, maxBody, connectMillis = 10_000 }: PoolOptions, owner: Owner, heads: Heads) {
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
    const { head, body } = exchange
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

const remove = (from: Array<Connection>, connection: Connection): void => {
  const index = from.lastIndexOf(connection)
  if (index >= 0) from.splice(index, 1)
}

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
