/**
 * Reads one HTTP/1.1 response after another from the bytes of a connection (RFC 9112), strictly: what two readers could take
 * for two different messages is an error, never a guess. It takes chunks however they are cut, and nothing of a chunk is kept
 * beyond the call, so that a connection can read into one buffer for its whole life.
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

const maxHead = 16_384

type Framing = "head" | "length" | "chunk size" | "chunk data" | "chunk end" | "trailers" | "until close"

export class Http1Response {
  private readonly maxBody: number
  private framing: Framing = "head"
  /** Bytes of a line or head that is not whole yet. */
  private rest: Buffer | undefined
  private status = 0
  private headers: Record<string, string> = {}
  private reusable = false
  /** Bytes of the body, or of its current chunk, still to come. */
  private missing = 0
  private size = 0
  private parts: Array<Buffer> = []

  constructor(maxBody: number) {
    this.maxBody = maxBody
  }

  /** Takes the next bytes. After anything but "more" and a reusable response the connection is of no further use. */
  push(chunk: Buffer): Progress {
    let bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk])
    this.rest = undefined
    for (;;) {
      if (this.framing === "head") {
        const end = bytes.indexOf("\r\n\r\n")
        if (end < 0) return this.keepHead(bytes)
        if (end > maxHead || !this.readHead(bytes.toString("latin1", 0, end))) return "malformed"
        bytes = bytes.subarray(end + 4)
        // An interim response (1xx) is followed by the real one.
        if (this.status < 200) continue
        if (this.missing > this.maxBody) return "too large"
      }
      switch (this.framing) {
        case "length":
          return this.readLength(bytes)
        case "until close":
          return this.take(bytes) ? "more" : "too large"
        case "chunk data": {
          const data = bytes.subarray(0, this.missing)
          if (!this.take(data)) return "too large"
          this.missing -= data.length
          if (this.missing > 0) return "more"
          this.framing = "chunk end"
          bytes = bytes.subarray(data.length)
          break
        }
        case "chunk size":
        case "chunk end":
        case "trailers": {
          const end = bytes.indexOf("\r\n")
          if (end < 0) return this.keepLine(bytes)
          const done = this.readLine(bytes.toString("latin1", 0, end))
          bytes = bytes.subarray(end + 2)
          if (done === "malformed") return done
          if (done) return this.whole(bytes.length === 0)
        }
        // No default: after a head it is one of the above, or another head.
      }
    }
  }

  /** The peer closed the connection: that ends a body without a length, and cuts off anything else. */
  close(): Whole | undefined {
    return this.framing === "until close" ? this.whole(false) : undefined
  }

  private keepHead(bytes: Buffer): Progress {
    // What does not even begin like a response need not be waited for.
    const begin = bytes.toString("latin1", 0, 7)
    if (bytes.length > maxHead || !"HTTP/1.".startsWith(begin)) return "malformed"
    this.rest = Buffer.from(bytes)
    return "more"
  }

  private keepLine(bytes: Buffer): Progress {
    if (bytes.length > maxHead) return "malformed"
    this.rest = Buffer.from(bytes)
    return "more"
  }

  private readHead(head: string): boolean {
    const lines = head.split("\r\n")
    const [, minor, status] = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\0\r\n]*)?$/.exec(lines[0] ?? "") ?? []
    // 101 would be another protocol, which nobody asked for.
    if (status === undefined || status === "101") return false
    this.status = Number(status)
    const headers: Record<string, string> = {}
    for (let index = 1; index < lines.length; index++) {
      const line = lines[index] ?? ""
      const colon = line.indexOf(":")
      const name = line.slice(0, colon)
      const value = line.slice(colon + 1)
      if (colon < 1 || !token.test(name) || unsafe.test(value)) return false
      const known = headers[name.toLowerCase()]
      headers[name.toLowerCase()] = known === undefined ? value.trim() : `${known}, ${value.trim()}`
    }
    this.headers = headers
    return this.status < 200 || this.frame(headers, minor === "1")
  }

  /** How long the body is, and whether the connection lives on (RFC 9112, section 6.3). */
  private frame(headers: Readonly<Record<string, string>>, persistent: boolean): boolean {
    const { "transfer-encoding": encoding, "content-length": length, connection = "" } = headers
    this.reusable = persistent && !/(?:^|,)\s*close\s*(?:,|$)/i.test(connection)
    if (this.status === 204 || this.status === 304) {
      this.framing = "length"
      this.missing = 0
      return true
    }
    if (encoding !== undefined) {
      // A length beside an encoding is how messages are smuggled.
      this.framing = "chunk size"
      return length === undefined && encoding.toLowerCase() === "chunked"
    }
    if (length === undefined) {
      this.framing = "until close"
      return true
    }
    this.framing = "length"
    this.missing = Number(length)
    return /^\d{1,15}$/.test(length)
  }

  private readLength(bytes: Buffer): Progress {
    // The whole body in one piece, which is the rule.
    if (this.size === 0 && bytes.length >= this.missing) {
      const body = bytes.toString("utf8", 0, this.missing)
      return this.finish(body, bytes.length === this.missing)
    }
    const data = bytes.subarray(0, this.missing)
    if (!this.take(data)) return "too large"
    this.missing -= data.length
    return this.missing > 0 ? "more" : this.whole(bytes.length === data.length)
  }

  /** One line of the chunked encoding; true when the body is over. */
  private readLine(line: string): boolean | "malformed" {
    if (this.framing === "chunk end") {
      this.framing = "chunk size"
      return line === "" ? false : "malformed"
    }
    if (this.framing === "trailers") return line === ""
    const size = /^([0-9a-f]{1,8})[\t ]*(?:;[^\0\r\n]*)?$/i.exec(line)?.[1]
    if (size === undefined) return "malformed"
    this.missing = Number.parseInt(size, 16)
    this.framing = this.missing === 0 ? "trailers" : "chunk data"
    return false
  }

  private take(data: Buffer): boolean {
    this.size += data.length
    if (this.size > this.maxBody) return false
    if (data.length > 0) this.parts.push(Buffer.from(data))
    return true
  }

  private whole(clean: boolean): Whole {
    return this.finish(Buffer.concat(this.parts).toString("utf8"), clean)
  }

  private finish(body: string, clean: boolean): Whole {
    const { status, headers, reusable } = this
    this.framing = "head"
    this.size = 0
    if (this.parts.length > 0) this.parts = []
    // Bytes after the end belong to nothing that was asked for.
    return { status, headers, body, reusable: reusable && clean }
  }
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const unsafe = /[\0\r\n]/
