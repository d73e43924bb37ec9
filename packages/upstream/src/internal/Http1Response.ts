/**
 * Reads one HTTP/1.1 response after another from the bytes of a connection (RFC 9112), strictly: what two readers could take
 * for two different messages is an error, never a guess. It takes chunks however they are cut, and nothing of a chunk is kept
 * beyond the call, so that a connection can read into one buffer for its whole life. However small the chunks, a byte is
 * looked at and copied a constant number of times.
 */

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

type Framing = "head" | "length" | "chunk size" | "chunk data" | "chunk end" | "trailers" | "until close"

export class Http1Response {
  private readonly maxBody: number
  private framing: Framing = "head"
  /** A line or head that is not whole yet, and how much of what was given last belongs to it. */
  private readonly rest = new Gathered()
  private left = 0
  private head = unread
  /** The text of {@link head}: an upstream says the same of most of its answers, so that it is read once. */
  private headText = ""
  /** Bytes of the body, or of its current chunk, still to come. */
  private missing = 0
  private excess = 0
  private readonly body = new Gathered()

  constructor(maxBody: number) {
    this.maxBody = maxBody
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
    if (text === this.headText) return true
    const head = readHead(text)
    if (head === undefined) return false
    this.head = head
    this.headText = text
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

/** What a head says. */
interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** How the body comes, and how long it is where that is said. */
  readonly framing: Framing
  readonly length: number
  readonly reusable: boolean
}

const unread: Head = { status: 0, headers: {}, framing: "head", length: 0, reusable: false }

const readHead = (text: string): Head | undefined => {
  const lines = text.split("\r\n")
  const [, minor, code] = statusLine.exec(lines[0] ?? "") ?? []
  // 101 would be another protocol, which nobody asked for.
  if (code === undefined || code === "101") return undefined
  const headers: Record<string, string> = Object.create(noNames)
  for (let index = 1; index < lines.length; index++) {
    const line = lines[index] ?? ""
    const name = nameOf(line)
    if (name === undefined) return undefined
    const value = trimmed(line, name.length + 1)
    const known = headers[name]
    headers[name] = known === undefined ? value : `${known}, ${value}`
  }
  const status = Number(code)
  return status < 200 ? { ...unread, status, headers } : framed(status, headers, minor === "1")
}

/** How long the body is, and whether the connection lives on (RFC 9112, section 6.3). */
const framed = (status: number, headers: Head["headers"], persistent: boolean): Head | undefined => {
  const { "transfer-encoding": encoding, "content-length": length, connection = "" } = headers
  // A length beside an encoding is how messages are smuggled, and so is an encoding that HTTP/1.0 does not know.
  if (encoding !== undefined && (!persistent || length !== undefined || encoding.toLowerCase() !== "chunked")) {
    return undefined
  }
  // A length that came twice reads "5, 5" here. Equal ones may be taken or refused (RFC 9110, section 8.6): refused, since
  // who repeats a length has put together two messages, or passed through somebody who has.
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return undefined
  const reusable = persistent && !/(?:^|,)\s*close\s*(?:,|$)/i.test(connection)
  const head = { status, headers, length: Number(length ?? 0), reusable }
  if (status === 204 || status === 304) {
    // These have no body, whatever they say of one; but who says so may send it all the same.
    return { ...head, framing: "length", length: 0, reusable: reusable && encoding === undefined && head.length === 0 }
  }
  if (encoding !== undefined) return { ...head, framing: "chunk size" }
  return { ...head, framing: length === undefined ? "until close" : "length" }
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
const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\0\r\n]*)?$/
const chunkSize = /^([0-9a-f]{1,8})(?:[\t ]*;[^\0\r\n]*)?$/i
/** A name, no space before the colon, and a value without what ends a line for some readers and not for others. */
const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[^\0\r\n]*$/
// Not an object's usual prototype: "constructor" is a name like any other.
const noNames: object = Object.create(null)

/** The name of a header's line in lower case; undefined where the line is none. */
const nameOf = (line: string): string | undefined => field.exec(line)?.[1]?.toLowerCase()

/** A line's value: without the spaces and tabs around it, and only those, unlike what `trim` takes for white space. */
const trimmed = (line: string, begin: number): string => {
  let end = line.length
  while (begin < end && isBlank(line.charCodeAt(begin))) begin++
  while (end > begin && isBlank(line.charCodeAt(end - 1))) end--
  return line.slice(begin, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
