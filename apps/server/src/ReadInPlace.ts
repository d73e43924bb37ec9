/**
 * Reads connections into one buffer that is there for all of them.
 *
 * Node's HTTP server does so; its sockets allocate 64 KiB for each read, unless they are told as they are made into what to
 * read (`onread`), and those that a server accepts are not. So the handle of an accepted socket is moved into a new one. It
 * spares a tenth of what a refusal costs, and the collector a buffer for each request; a connection that brings one request
 * and no more pays some 4 us for it.
 *
 * Use it where what comes is looked at once and not kept. Node does not document what it takes: `_handle`, `_server`, a new
 * socket's `handle`. The accepted socket is empty afterwards, which whoever listens to `net.server.socket` will find.
 */
import { type Server, Socket } from "node:net"
import { Duplex } from "node:stream"

/** What has come is the first `length` of `bytes`. They are another connection's once this returns. */
export type Read = (bytes: Buffer, length: number) => void

/** As much as Node allocates for a read. */
const shared = Buffer.allocUnsafeSlow(65_536)

/** A connection that is read so until it is a stream again. */
export class InPlace {
  /** It says when it ends, fails and closes. */
  readonly socket: Socket
  private read: Read | undefined

  constructor(server: Server, options: object, read: Read) {
    this.read = read
    const onread = { buffer: shared, callback: (length: number) => this.onBytes(length) }
    // The server waits for it as it closes.
    this.socket = Object.assign(new Socket({ ...options, onread }), { server, _server: server })
  }

  /** From now on what comes is in `socket`, as if it had always been. */
  giveBack(): void {
    this.read = undefined
    // The socket's own are for what is read so: they begin to read without asking how much is there already.
    Object.assign(this.socket, asStream)
  }

  /** Whether there may be more. */
  private onBytes(length: number): boolean {
    if (this.read === undefined) return this.socket.push(Buffer.from(shared.subarray(0, length)))
    this.read(shared, length)
    return true
  }
}

const { pause, read, resume } = Duplex.prototype
const asStream = { pause, read, resume }

/**
 * Takes a connection that `server` has just accepted, to be begun before the loop comes round. Undefined where it is another:
 * TLS, a stream that was put in from outside, or one that has been read from.
 */
export const take = (socket: Socket, server: Server): ((read: Read) => InPlace) | undefined => {
  if (!("_handle" in socket && "_server" in socket) || socket._server !== server || socket.bytesRead > 0)
    return undefined
  const { _handle: handle, allowHalfOpen, readableHighWaterMark, writableHighWaterMark } = socket
  if (typeof handle !== "object" || handle === null || !("useUserBuffer" in handle)) return undefined
  // It has nothing any more, and the server does not wait for it.
  Object.assign(socket, { _handle: null, _server: null })
  const isSet = (flag: string) => Reflect.get(server, flag) === true
  const flags = { noDelay: isSet("noDelay"), keepAlive: isSet("keepAlive") }
  // As an object, since the type of what a socket is made of has a handle of another kind alone.
  const options: object = { handle, allowHalfOpen, readableHighWaterMark, writableHighWaterMark, ...flags }
  return (read) => new InPlace(server, options, read)
}
