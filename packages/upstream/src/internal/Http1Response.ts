/**
 * Reads one HTTP/1.1 response after another from the bytes of a connection (RFC 9112), strictly: what two readers could take
 * for two different messages is an error, never a guess. It takes chunks however they are cut, and nothing of a chunk is kept
 * beyond the call, so that a connection can read into one buffer for its whole life. However small the chunks, a byte is
 * looked at and copied a constant number of times.
 */
import { type Framing, type Heads, nameOf, unread } from "./Http1Head.ts"

/** A whole response. */
export interface Whole {
  readonly status: number
  /** Names in lower case; a header that came several times is joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Whether the connection can carry another. */
  readonly reusable: boolean
}

export type Progress = Whole | "more" | "malformed" | "too large"

/** The largest head, line of the chunked encoding, and section of trailers. */
const maxHead = 16_384
/** What the chunked encoding may spend on a chunk beyond the data, and beyond that on all of them together. */
const framePerChunk = 16
const maxFraming = 16_384

export class Http1Response {
  private readonly maxBody: number
  private framing: Framing = "head"
  /** A line or head that is not whole yet, and how much of what was given last belongs to it. */
  private readonly rest = new Gathered()
  private left = 0
  private readonly heads: Heads
  private head = unread
  /** Bytes of the body, or of its current chunk, still to come. */
  private missing = 0
  private excess = 0
  private readonly body = new Gathered()

  /** `heads` may be others' too: of all connections to the same origin. */
  constructor(maxBody: number, heads: Heads) {
    this.maxBody = maxBody
    this.heads = heads
  }

  /** Takes the next bytes. After anything but "more" and a reusable response the connection is of no further use. */
  push(chunk: Buffer): Progress {
    const { rest } = this
    if (rest.length === 0) {
      const progress = this.read(chunk, 0)
      if (this.left > 0) rest.add(chunk.subarray(chunk.length - this.left))
      return progress
    }
    const searched = rest.length
    rest.add(chunk)
    const progress = this.read(rest.bytes(), searched)
    rest.keepLast(this.left)
    return progress
  }

  /** The peer closed the connection: that ends a body without a length, and cuts off anything else. */
  close(): Whole | undefined {
    return this.framing === "until close" ? this.finish(this.body.bytes().toString("utf8"), false) : undefined
  }

  /** `searched`: how many of the bytes were here before, and have no end of a line or head among them. */
  private read(bytes: Buffer, searched: number): Progress {
    this.left = 0
    for (;;) {
      if (this.framing === "head") {
        const end = bytes.indexOf(endOfHead, Math.max(0, searched - 3))
        if (end < 0) return this.keepHead(bytes)
        if (end > maxHead || !this.takeHead(bytes.toString("latin1", 0, end))) return "malformed"
        searched = 0
        bytes = bytes.subarray(end + 4)
        // An interim response (1xx) is followed by the real one.
        if (this.head.status < 200) continue
        this.framing = this.head.framing
        this.missing = this.head.length
        this.excess = 0
        if (this.missing > this.maxBody) return "too large"
      }
      switch (this.framing) {
        case "length":
          return this.readLength(bytes)
        case "until close":
          return this.take(bytes) ? "more" : "too large"
        case "chunk data": {
          // Whether it fits was asked when its size came.
          const data = bytes.subarray(0, this.missing)
          this.body.add(data)
          this.missing -= data.length
          if (this.missing > 0) return "more"
          this.framing = "chunk end"
          bytes = bytes.subarray(data.length)
          break
        }
        case "chunk size":
        case "chunk end":
        case "trailers": {
          const end = bytes.indexOf(endOfLine, Math.max(0, searched - 1))
          if (end < 0) return this.keepLine(bytes)
          if (end > maxHead) return "malformed"
          const progress = this.readLine(bytes.toString("latin1", 0, end))
          searched = 0
          bytes = bytes.subarray(end + 2)
          if (progress === "whole") return this.finish(this.body.bytes().toString("utf8"), bytes.length === 0)
          if (progress !== "more") return progress
        }
        // No default: after a head it is one of the above, or another head.
      }
    }
  }

  private keepHead(bytes: Buffer): Progress {
    // What does not even begin like a response need not be waited for.
    if (bytes.length >= maxHead + 4 || !"HTTP/1.".startsWith(bytes.toString("latin1", 0, 7))) return "malformed"
    this.left = bytes.length
    return "more"
  }

  private keepLine(bytes: Buffer): Progress {
    if (bytes.length >= maxHead + 2) return "malformed"
    this.left = bytes.length
    return "more"
  }

  private takeHead(text: string): boolean {
    const head = this.heads.read(text)
    if (head === undefined) return false
    this.head = head
    return true
  }

  private readLength(bytes: Buffer): Progress {
    // The whole body in one piece, which is the rule.
    if (this.body.length === 0 && bytes.length >= this.missing) {
      return this.finish(bytes.toString("utf8", 0, this.missing), bytes.length === this.missing)
    }
    if (this.body.length === 0) this.body.reserve(this.missing)
    const data = bytes.subarray(0, this.missing)
    this.body.add(data)
    this.missing -= data.length
    if (this.missing > 0) return "more"
    return this.finish(this.body.bytes().toString("utf8"), bytes.length === data.length)
  }

  /** One line of the chunked encoding. */
  private readLine(line: string): "more" | "whole" | "malformed" | "too large" {
    if (this.framing === "chunk end") {
      this.framing = "chunk size"
      return line === "" ? "more" : "malformed"
    }
    if (this.framing === "trailers") {
      if (line === "") return "whole"
      this.excess += line.length + 2
      return this.excess <= maxFraming && nameOf(line) !== undefined ? "more" : "malformed"
    }
    const size = chunkSize.exec(line)?.[1]
    if (size === undefined) return "malformed"
    this.missing = Number.parseInt(size, 16)
    if (this.body.length + this.missing > this.maxBody) return "too large"
    // Long extensions of short chunks would be a body of any size after all.
    this.excess = Math.max(0, this.excess + line.length - framePerChunk - this.missing)
    this.framing = this.missing === 0 ? "trailers" : "chunk data"
    return this.excess <= maxFraming ? "more" : "malformed"
  }

  private take(data: Buffer): boolean {
    if (this.body.length + data.length > this.maxBody) return false
    this.body.add(data)
    return true
  }

  private finish(body: string, clean: boolean): Whole {
    const { status, headers, reusable } = this.head
    this.framing = "head"
    this.body.clear()
    // Bytes after the end belong to nothing that was asked for.
    return { status, headers, body, reusable: reusable && clean }
  }
}

/** Bytes put together from pieces, in memory of its own that grows by doubling where no length is known. */
class Gathered {
  private buffer: Buffer = nothing
  length = 0

  add(piece: Buffer): void {
    const length = this.length + piece.length
    if (length > this.buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.length))
      this.buffer.copy(larger, 0, 0, this.length)
      this.buffer = larger
    }
    piece.copy(this.buffer, this.length)
    this.length = length
  }

  /** Makes room for what is known to come, so that it is not copied as it grows. */
  reserve(length: number): void {
    if (length > this.buffer.length) this.buffer = Buffer.allocUnsafe(length)
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  keepLast(count: number): void {
    if (count === this.length) return
    if (count === 0) return this.clear()
    this.buffer.copyWithin(0, this.length - count, this.length)
    this.length = count
  }

  clear(): void {
    this.buffer = nothing
    this.length = 0
  }
}

const nothing = Buffer.alloc(0)
const endOfHead = Buffer.from("\r\n\r\n")
const endOfLine = Buffer.from("\r\n")
const chunkSize = /^([0-9a-f]{1,8})(?:[\t ]*;[^\0\r\n]*)?$/i
