/**
 * A request that came as nearly all do, and what is sent for it: one write. Where the router has to answer after all, Node's
 * objects are made for it as Node would make them.
 */
import { IncomingMessage, ServerResponse, STATUS_CODES } from "node:http"
import type { Socket } from "node:net"
import type { Exchange, NodeExchange } from "./Exchange.ts"
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
  /** The exchange is over; with `isLast` the connection too, once all is sent. */
  readonly ended: (isLast: boolean) => void
}

export class PlainExchange implements Exchange {
  readonly method = "GET"
  readonly hasBody = false
  private readonly carrier: Carrier
  private readonly head: PlainHead
  private changed: Readonly<Record<string, string>> | undefined
  private isLast = false
  private isOver = false
  private toEnd: (() => void) | undefined
  private asNode: NodeExchange | undefined

  constructor(carrier: Carrier, head: PlainHead) {
    this.carrier = carrier
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
    const { carrier } = this
    const isLast = this.isLast || carrier.isClosing()
    const length = Buffer.byteLength(body)
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`
    const connection = isLast ? "close" : `keep-alive\r\nkeep-alive: ${carrier.keepAlive}`
    const text = `${head}content-length: ${length}\r\ndate: ${carrier.date()}\r\nconnection: ${connection}\r\n\r\n${body}`
    // What is ASCII goes out a tenth cheaper so.
    carrier.socket.write(text, length === body.length ? "latin1" : "utf8")
    this.over(isLast)
  }

  onEnd(then: () => void): void {
    if (this.isOver) then()
    else this.toEnd = then
  }

  node(): NodeExchange {
    return (this.asNode ??= this.toNode())
  }

  /** Its connection has gone. */
  left(): void {
    this.asNode?.response.destroy()
    this.finish()
  }

  private over(isLast: boolean): void {
    if (this.isOver) return
    this.finish()
    this.carrier.ended(isLast)
  }

  private finish(): void {
    this.isOver = true
    const { toEnd } = this
    this.toEnd = undefined
    toEnd?.()
  }

  private toNode(): NodeExchange {
    const { carrier, head } = this
    const { socket } = carrier
    const pairs = head.names.map((name, index): [string, string] => [name, head.values[index] ?? ""])
    const request = Object.assign(new IncomingMessage(socket), {
      method: this.method,
      url: head.url,
      httpVersion: "1.1",
      httpVersionMajor: 1,
      httpVersionMinor: 1,
      complete: true,
      rawHeaders: pairs.flat(),
      headers: { ...Object.fromEntries(pairs), ...this.changed }
    })
    request.push(null)
    const response = new ServerResponse(request)
    if (this.isOver) response.destroy()
    else this.attach(response)
    return { request, response }
  }

  private attach(response: ServerResponse): void {
    const { carrier } = this
    response.shouldKeepAlive = !(this.isLast || carrier.isClosing())
    if (response.shouldKeepAlive) response.setHeader("keep-alive", carrier.keepAlive)
    response.assignSocket(carrier.socket)
    response.once("finish", () => {
      response.detachSocket(carrier.socket)
      response.emit("close")
      this.over(!response.shouldKeepAlive)
    })
  }
}
