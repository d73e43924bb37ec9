/**
 * A client's connection for as long as it asks as nearly all do (`PlainHead`), one request after the other: a read, a write,
 * and nothing of the streams, the parser and the timers that Node's server has for the general case. That is some 7 of the
 * 17 us that a ready answer of 2 KiB takes there.
 *
 * It begins here, and with the first request that is in any way unusual it is given to Node's server for good, with what has
 * been read of it: a partial head, a body, pipelining, an upgrade, a bad request, a client that does not read.
 */
import { IncomingMessage, ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Exchange, NodeExchange } from "./Exchange.ts"
import * as PlainHead from "./PlainHead.ts"

/** The server that a connection belongs to. */
export interface Owner {
  /** Whether requests for this are answered here: whoever asks for anything else is Node's. */
  readonly takes: (url: string) => boolean
  readonly visit: (exchange: Exchange) => void
  /** Node's from now on. What has been read of it is in it again. */
  readonly giveAway: (socket: Socket) => void
  /** It is gone, or given away. */
  readonly forget: () => void
  /** Milliseconds that a client may take until it first asks, and between an answer and its next request. */
  readonly patience: { readonly first: number; readonly next: number }
  /** Whether there is to be no further request on a connection. */
  readonly isClosing: () => boolean
  /** The value of `date`. */
  readonly date: () => string
}

/** So much may come before the answer to what came earlier, in bytes, before it is left in the socket. */
const mostEarly = 65_536

export class PlainConnection {
  readonly socket: Socket
  readonly owner: Owner
  /** What is being answered. */
  private exchange: PlainExchange | undefined
  /** What came meanwhile. */
  private readonly early: Array<Buffer> = []
  private earlyBytes = 0
  private hasAsked = false

  constructor(socket: Socket, owner: Owner) {
    this.socket = socket
    this.owner = owner
    socket.on("data", this.onData).on("end", this.onEnd).on("error", ignore).on("close", this.onClose)
    socket.setTimeout(owner.patience.first, this.onTimeout)
  }

  /** Closes it, unless a request is being answered. */
  closeIfIdle(): void {
    if (this.exchange === undefined) this.socket.destroySoon()
  }

  /** The exchange is over; with `isLast` the connection too, when all is sent. */
  ended(isLast: boolean): void {
    this.exchange = undefined
    if (isLast) this.socket.destroySoon()
    else if (this.early.length > 0) this.giveAway(this.early.splice(0))
    else if (!this.hasAsked) {
      this.hasAsked = true
      this.socket.setTimeout(this.owner.patience.next)
    }
  }

  private readonly onData = (bytes: Buffer): void => {
    if (this.exchange !== undefined) return this.keep(bytes)
    const { owner, socket } = this
    // Who does not read what it asked for is to be held back, which Node knows how to do.
    const isPlain = bytes.length <= PlainHead.longest && socket.writableLength === 0
    const head = isPlain ? PlainHead.read(bytes.toString("latin1")) : undefined
    if (head === undefined || !owner.takes(head.url)) return this.giveAway([bytes])
    const exchange = new PlainExchange(this, head)
    this.exchange = exchange
    owner.visit(exchange)
  }

  private keep(bytes: Buffer): void {
    this.early.push(bytes)
    this.earlyBytes += bytes.length
    if (this.earlyBytes > mostEarly) this.socket.pause()
  }

  private giveAway(read: ReadonlyArray<Buffer>): void {
    const { owner, socket } = this
    socket.off("data", this.onData).off("end", this.onEnd).off("error", ignore).off("close", this.onClose)
    socket.setTimeout(0).off("timeout", this.onTimeout).pause()
    for (const bytes of read.toReversed()) socket.unshift(bytes)
    owner.forget()
    owner.giveAway(socket)
    socket.resume()
  }

  /** Who sends no more is taken to have left, as Node's server does. */
  private readonly onEnd = (): void => void this.socket.end()

  private readonly onTimeout = (): void => {
    if (this.exchange === undefined) this.socket.destroy()
  }

  private readonly onClose = (): void => {
    this.owner.forget()
    this.exchange?.end()
  }
}

const ignore = () => {}

const keepAlive = ({ patience }: Owner): string => `timeout=${Math.floor(patience.next / 1000)}`

/** One request, and what is sent for it. */
class PlainExchange implements Exchange {
  readonly method = "GET"
  readonly hasBody = false
  private readonly connection: PlainConnection
  private readonly head: PlainHead.PlainHead
  private changed: Record<string, string> | undefined
  private isLast = false
  private isOver = false
  private toEnd: (() => void) | undefined
  private asNode: NodeExchange | undefined

  constructor(connection: PlainConnection, head: PlainHead.PlainHead) {
    this.connection = connection
    this.head = head
  }

  get url(): string {
    return this.head.url
  }

  header(name: string): string | undefined {
    return this.changed?.[name] ?? this.head.values[this.head.names.indexOf(name)]
  }

  set(name: string, value: string): void {
    this.changed = { ...this.changed, [name]: value }
  }

  closeAfter(): void {
    this.isLast = true
  }

  answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    if (this.isOver) return
    const { owner, socket } = this.connection
    const isLast = this.isLast || owner.isClosing()
    const length = Buffer.byteLength(body)
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`
    const kept = isLast ? "close" : `keep-alive\r\nkeep-alive: ${keepAlive(owner)}`
    const text = `${head}content-length: ${length}\r\ndate: ${owner.date()}\r\nconnection: ${kept}\r\n\r\n${body}`
    // What is ASCII goes out a tenth cheaper so.
    socket.write(text, length === body.length ? "latin1" : "utf8")
    this.over(isLast)
  }

  onEnd(then: () => void): void {
    if (this.isOver) then()
    else this.toEnd = then
  }

  /** The connection has gone. */
  end(): void {
    this.asNode?.response.destroy()
    this.finish()
  }

  node(): NodeExchange {
    return (this.asNode ??= this.toNode())
  }

  private over(isLast: boolean): void {
    this.finish()
    this.connection.ended(isLast)
  }

  private finish(): void {
    if (this.isOver) return
    this.isOver = true
    this.toEnd?.()
    this.toEnd = undefined
  }

  private toNode(): NodeExchange {
    const { owner, socket } = this.connection
    const { names, url, values } = this.head
    const request = Object.assign(new IncomingMessage(socket), {
      method: this.method,
      url,
      httpVersion: "1.1",
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
      rawHeaders: names.flatMap((name, index) => [name, values[index] ?? ""]),
      headers: { ...Object.fromEntries(names.map((name, index) => [name, values[index] ?? ""])), ...this.changed }
    })
    request.push(null)
    const response = new ServerResponse(request)
    if (this.isOver) {
      response.destroy()
      return { request, response }
    }
    response.shouldKeepAlive = !(this.isLast || owner.isClosing())
    if (response.shouldKeepAlive) response.setHeader("keep-alive", keepAlive(owner))
    response.assignSocket(socket)
    response.once("finish", () => {
      response.detachSocket(socket)
      response.emit("close")
      this.over(!response.shouldKeepAlive)
    })
    return { request, response }
  }
}
