/**
 * A request that came as nearly all do, and what is sent for it: one write. Where the router has to answer after all, Node's
 * server reads the request once more, so that what the router gets is Node's in every respect.
 */
import { IncomingMessage, ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Ending, Exchange, Router } from "./Exchange.ts"
import type { PlainHead } from "./PlainHead.ts"

/** The connection that it came on. */
export interface Carrier {
  readonly socket: Socket
  /** The value of `keep-alive`. */
  readonly keepAlive: string
  /** Whether there is to be no further request. */
  readonly isClosing: () => boolean
  /** The value of `date`. */
  readonly date: () => string
  /** The exchange is over; with `isLast` the connection too. */
  readonly ended: (isLast: boolean) => void
  /** Gives the connection to Node's server, which begins with this exchange's request and gives it to `router`. */
  readonly giveAway: (router: Router) => void
}

export class PlainExchange implements Exchange {
  readonly method = "GET"
  readonly hasBody = false
  private readonly carrier: Carrier
  /** What it was asked with. */
  readonly head: PlainHead
  private changed: Readonly<Record<string, string>> | undefined
  private isOver = false
  private ending: Ending | undefined
  /** It is sent, as far as we are concerned. */
  isAnswered = false

  constructor(carrier: Carrier, head: PlainHead) {
    this.carrier = carrier
    this.head = head
  }

  get url(): string {
    return this.head.url
  }

  header(name: string): string | undefined {
    return this.changed?.[name] ?? this.head.header(name)
  }

  set(name: string, value: string): void {
    this.changed = { ...this.changed, [name]: value }
  }

  answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    if (this.isOver || this.isAnswered) return
    this.isAnswered = true
    const { carrier } = this
    const { socket } = carrier
    const isLast = carrier.isClosing()
    const length = Buffer.byteLength(body)
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`
    const connection = isLast ? "close" : `keep-alive\r\nkeep-alive: ${carrier.keepAlive}`
    const text = `${head}content-length: ${length}\r\ndate: ${carrier.date()}\r\nconnection: ${connection}\r\n\r\n${body}`
    // What is ASCII goes out a tenth cheaper so.
    socket.write(text, length === body.length ? "latin1" : "utf8")
    if (socket.writableLength === 0) this.over(isLast)
    // A slow client, or a long answer: it is over when the kernel has all of it.
    else socket.write("", () => this.over(isLast))
  }

  onEnd(ending: Ending): void {
    if (this.isOver) ending.ended()
    else this.ending = ending
  }

  handOn(router: Router): void {
    if (this.isOver || !this.carrier.socket.readable) return this.handOnAsLeft(router)
    this.carrier.giveAway((request, response) => {
      Object.assign(request.headers, this.changed)
      if (this.carrier.isClosing()) response.shouldKeepAlive = false
      response.once("close", () => this.left())
      router(request, response)
    })
  }

  /** Its connection has gone, or was Node's and has answered. */
  left(): void {
    if (this.isOver) return
    this.isOver = true
    const { ending } = this
    this.ending = undefined
    ending?.ended()
  }

  private over(isLast: boolean): void {
    if (this.isOver) return
    this.left()
    this.carrier.ended(isLast)
  }

  /** Node has nothing to read any more; whoever reports how requests end is still to hear of it. */
  private handOnAsLeft(router: Router): void {
    const { url } = this.head
    const headers = Object.fromEntries(this.head.headers())
    const request = new IncomingMessage(this.carrier.socket)
    const response = new ServerResponse(
      Object.assign(request, { method: this.method, url, headers: { ...headers, ...this.changed }, ...version })
    )
    response.destroy()
    router(request, response)
  }
}

const version = { httpVersion: "1.1", httpVersionMajor: 1, httpVersionMinor: 1, complete: true }
