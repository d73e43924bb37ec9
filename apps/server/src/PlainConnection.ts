/**
 * A client's connection for as long as it asks as nearly all do (`PlainHead`), one request after the other: a read, a write,
 * and nothing of the parser, the streams and the timers that Node's server has for the general case. Of the 17 us that a
 * ready answer of 2 KiB takes there it takes 10; an entry in a hot room with batches 45 instead of 52, in a room of its own
 * 124 instead of 146, a refusal at three times the load 1.5 to 2.6 ms instead of 2.2 to 5.9.
 *
 * It begins here, and with the first request that is in any way unusual it is Node's for good, with what has been read of it:
 * a partial head, a body, pipelining, an upgrade, a bad request, a client that does not read. What watches Node's own events
 * of requests (`diagnostics_channel`, agents that patch its server) sees those alone.
 */
import type { Socket } from "node:net"
import type { Exchange, Router } from "./Exchange.ts"
import { type Carrier, PlainExchange } from "./PlainExchange.ts"
import * as PlainHead from "./PlainHead.ts"
import type * as ReadInPlace from "./ReadInPlace.ts"

/** The server that connections belong to. */
export interface Owner {
  /** Whether requests for this are answered here: whoever asks for anything else is Node's. */
  readonly takes: (url: string) => boolean
  readonly visit: (exchange: Exchange) => void
  /** Node's from now on. What has been read of it is in it again; `next` is for the first request, in place of all else. */
  readonly giveAway: (socket: Socket, next?: { readonly router: Router; readonly left: () => void }) => void
  /** Milliseconds that a client may take until it first asks, and between an answer and its next request. */
  readonly patience: { readonly first: number; readonly next: number }
  /** Whether there is to be no further request on any. */
  readonly isClosing: () => boolean
  /** The value of `date`. */
  readonly date: () => string
}

/** Whoever sends more than this before the answer to what came earlier, in bytes, loses the connection. */
const mostEarly = 65_536

/** So many reads are put together to one, since they may be of a byte each. */
const manyReads = 64

/** A request that was sent just before the promised time ran out still finds the connection open, in milliseconds. */
const grace = 1_000

export class PlainConnection implements Carrier {
  readonly socket: Socket
  readonly isClosing: () => boolean
  readonly date: () => string
  private readonly inPlace: ReadInPlace.InPlace
  private readonly owner: Owner
  private readonly onGone: () => void
  /** What is being answered. */
  private exchange: PlainExchange | undefined
  /** What came meanwhile. */
  private early: Array<Buffer> | undefined
  private earlyBytes = 0
  private hasAsked = false

  /** `onGone` is called once: the connection has ended, or is Node's. */
  constructor(begin: (read: ReadInPlace.Read) => ReadInPlace.InPlace, owner: Owner, onGone: () => void) {
    this.inPlace = begin((bytes, length) => this.read(bytes, length))
    const { socket } = this.inPlace
    this.socket = socket
    this.owner = owner
    this.onGone = onGone
    this.isClosing = owner.isClosing
    this.date = owner.date
    socket.on("end", this.onEnd).on("error", ignore).on("close", this.onClose)
    // One timer for all of its life, which what is read and written sets anew.
    socket.on("timeout", this.onTimeout).setTimeout(owner.patience.first)
  }

  get keepAlive(): string {
    return `timeout=${Math.floor(this.owner.patience.next / 1000)}`
  }

  /** Closes it, unless a request is being answered. */
  closeIfIdle(): void {
    if (this.exchange === undefined) this.socket.destroySoon()
  }

  ended(isLast: boolean): void {
    this.exchange = undefined
    if (isLast) this.socket.destroySoon()
    else if (this.early !== undefined) this.toNode(this.early)
    else if (!this.hasAsked) {
      this.hasAsked = true
      this.socket.setTimeout(this.owner.patience.next + grace)
    }
  }

  giveAway(router: Router): void {
    const { early = [], exchange } = this
    if (exchange === undefined) return
    const asked = Buffer.from(exchange.head.text, "latin1")
    this.toNode([asked, ...early], { router, left: () => exchange.left() })
  }

  private read(bytes: Buffer, length: number): void {
    if (this.exchange !== undefined) this.keep(Buffer.from(bytes.subarray(0, length)))
    // Once it is closed what comes is nobody's.
    else if (!this.socket.writableEnded) this.ask(bytes, length)
  }

  private ask(bytes: Buffer, length: number): void {
    const { owner } = this
    const head = length <= PlainHead.longest ? PlainHead.read(bytes.toString("latin1", 0, length)) : undefined
    if (head === undefined || !owner.takes(head.url)) return this.toNode([bytes.subarray(0, length)])
    this.exchange = new PlainExchange(this, head)
    owner.visit(this.exchange)
  }

  private keep(bytes: Buffer): void {
    const early = (this.early ??= [])
    early.push(bytes)
    this.earlyBytes += bytes.length
    if (this.earlyBytes > mostEarly) this.socket.destroy()
    else if (early.length === manyReads) this.early = [Buffer.concat(early)]
  }

  private toNode(read: ReadonlyArray<Buffer>, next?: Parameters<Owner["giveAway"]>[1]): void {
    const { socket } = this
    this.inPlace.giveBack()
    socket.off("end", this.onEnd).off("error", ignore).off("close", this.onClose)
    socket.setTimeout(0).off("timeout", this.onTimeout)
    socket.unshift(Buffer.concat(read))
    this.onGone()
    this.owner.giveAway(socket, next)
  }

  /** Who sends no more is taken to have left, as by Node's server. */
  private readonly onEnd = (): void => void this.socket.end()

  private readonly onTimeout = (): void => {
    // Not while an answer is made; but one that is not read is not waited for without end.
    if (this.exchange?.isAnswered !== false) this.socket.destroy()
  }

  private readonly onClose = (): void => {
    this.onGone()
    this.exchange?.left()
  }
}

const ignore = () => {}
