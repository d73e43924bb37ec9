/**
 * A request and the one answer to it, as the door and the lane see them: the little that an entry needs of HTTP, whoever has
 * read the request. Most are read by `PlainConnection`; the others by Node, whose objects are made an exchange of here.
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

/** Who is told that an exchange is over. */
export interface Ending {
  readonly ended: () => void
}

export interface Exchange {
  readonly method: string
  /** Path and query, as they came. */
  readonly url: string
  /** Whether a body follows, or may. */
  readonly hasBody: boolean
  /** The value of the header with this name, in lower case. */
  readonly header: (name: string) => string | undefined
  /** Puts a header in place of what came, for whoever reads it from now on. */
  readonly set: (name: string, value: string) => void
  /** Sends the whole answer, unless the client has left. The headers are taken as they are, and say nothing of the length. */
  readonly answer: (status: number, headers: Readonly<Record<string, string>>, body: string) => void
  /** Tells `ending`, one in all, once this is over: answered, or its connection gone. At once if it is. */
  readonly onEnd: (ending: Ending) => void
  /** Leaves it to the router, which is given it as Node has it: now or a moment later, as one that has left if it has. */
  readonly handOn: (router: Router) => void
}

export type Router = (request: IncomingMessage, response: ServerResponse) => void

/** Of a request that Node has read. */
export class OfNode implements Exchange {
  private readonly request: IncomingMessage
  private readonly response: ServerResponse

  constructor(response: ServerResponse) {
    this.request = response.req
    this.response = response
  }

  get method(): string {
    return this.request.method ?? ""
  }

  get url(): string {
    return this.request.url ?? ""
  }

  get hasBody(): boolean {
    const { headers } = this.request
    return headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name]
    // Only `set-cookie` is ever a list.
    return typeof value === "string" ? value : undefined
  }

  set(name: string, value: string): void {
    this.request.headers[name] = value
  }

  answer(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const { response } = this
    if (response.destroyed) return
    const length = Buffer.byteLength(body)
    response
      .writeHead(status, { ...headers, "content-length": String(length) })
      .end(body, length === body.length ? "latin1" : "utf8")
  }

  onEnd(ending: Ending): void {
    const { request, response } = this
    const then = () => ending.ended()
    if (response.closed) return then()
    if (response.socket !== null) return void response.once("close", then)
    const early = earlyOn(request.socket)
    const once = () => {
      if (early.delete(once)) then()
    }
    early.add(once)
    response.once("close", once)
  }

  handOn(router: Router): void {
    router(this.request, this.response)
  }
}

/**
 * What is to be done when a connection ends for those that came before their predecessor was answered: their responses have no
 * socket yet, and hear nothing of it. One listener for however many there are.
 */
const earlyOnes = new WeakMap<Socket, Set<() => void>>()

const earlyOn = (socket: Socket): Set<() => void> => {
  const known = earlyOnes.get(socket)
  if (known !== undefined) return known
  const made = new Set<() => void>()
  earlyOnes.set(socket, made)
  socket.once("close", () => made.forEach((end) => end()))
  return made
}
