/**
 * Reads what a client sends into one buffer that is there for all, as Node does on request (`onread`) for connections that
 * it opens, but for none that it accepts: there each read makes a buffer of its own. It costs what a tenth of a refusal
 * does, and the collector has to look at each.
 *
 * So what a server has accepted is taken out of its socket and put into another. The way in is not documented, though what
 * deals connections out by hand has gone it for long: a socket's `_handle`, and the `handle` of a new one. Whatever else
 * Node gives as a connection (TLS, one that was put in from outside) is not taken, and is for Node to read.
 */
import { type Server, Socket } from "node:net"

/**
 * What has come is the first `length` of `bytes`, which are somebody else's once this returns. Given false the socket is
 * paused.
 */
export type Read = (bytes: Buffer, length: number) => boolean

/** A connection that nobody reads yet. It is to be opened before the loop comes round. */
export interface Accepted {
  readonly server: Server
  /** What its new socket is made of. */
  readonly options: object
}

/** As much as Node would make for a read. */
const shared = Buffer.allocUnsafeSlow(65_536)

/** Takes the connection out of a socket that `server` has just accepted. Undefined: it is not such a one. */
export const take = (socket: Socket, server: Server): Accepted | undefined => {
  if (!("_handle" in socket && "_server" in socket) || socket._server !== server) return undefined
  const handle = socket._handle
  if (typeof handle !== "object" || handle === null || !("useUserBuffer" in handle)) return undefined
  // It has nothing any more, and the server does not wait for it.
  Object.assign(socket, { _handle: null, _server: null })
  const { allowHalfOpen, readableHighWaterMark, writableHighWaterMark } = socket
  return { server, options: { handle, allowHalfOpen, readableHighWaterMark, writableHighWaterMark } }
}

/** Hands what comes to `read` from now on. */
export const open = ({ options, server }: Accepted, read: Read): Socket => {
  const onread = { buffer: shared, callback: (length: number) => read(shared, length) }
  // The server waits for it as it closes.
  return Object.assign(new Socket({ ...options, onread }), { server, _server: server })
}
