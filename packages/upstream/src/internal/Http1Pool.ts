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
import { Connection, type ConnectionOptions, type Exchange, type Owner } from "./Http1Connection.ts"
import { Heads } from "./Http1Head.ts"

/** How often is looked for connections that were idle for too long: within the second that is kept of a peer's word. */
const sweepMillis = 500

export class Http1Pool {
  private readonly options: ConnectionOptions
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

  constructor(options: ConnectionOptions) {
    this.options = options
    this.owner = {
      ready: (connection) => {
        remove(this.connecting, connection)
        this.serve(connection)
      },
      free: (connection) => this.serve(connection),
      resend: (exchange) => {
        if (exchange.rewind()) this.wait(exchange)
        else exchange.tell("closed")
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

const remove = (from: Array<Connection>, connection: Connection): void => {
  const index = from.lastIndexOf(connection)
  if (index >= 0) from.splice(index, 1)
}
