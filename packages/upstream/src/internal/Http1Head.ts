/**
 * The head of an HTTP/1.1 response (RFC 9112): its status, its headers, and how its body comes.
 */

export type Framing = "head" | "length" | "chunk size" | "chunk data" | "chunk end" | "trailers" | "until close"

/** What a head says. */
export interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** How the body comes, and how long it is where that is said. */
  readonly framing: Framing
  readonly length: number
  readonly reusable: boolean
}

/** Of no answer yet. */
export const unread: Head = { status: 0, headers: {}, framing: "head", length: 0, reusable: false }

/**
 * Heads by their text. An upstream says the same of many of its answers, whichever connection they come on: the headers are
 * read once, and there once, not for each of hundreds of connections.
 */
export class Heads {
  private readonly known = new Map<string, Head>()

  /** What a head says; undefined where it is none. */
  read(text: string): Head | undefined {
    const known = this.known.get(text)
    if (known !== undefined) return known
    const head = readHead(text)
    if (head === undefined) return undefined
    if (this.known.size === mostKnown) this.known.clear()
    this.known.set(text, head)
    return head
  }
}

/** Another second brings other dates, and another length is another text: what is older is soon of no use. */
const mostKnown = 32

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

const statusLine = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [^\0\r\n]*)?$/
/** A name, no space before the colon, and a value without what ends a line for some readers and not for others. */
const field = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[^\0\r\n]*$/
// Not an object's usual prototype: "constructor" is a name like any other.
const noNames: object = Object.create(null)

/** The name of a header's line in lower case; undefined where the line is none. */
export const nameOf = (line: string): string | undefined => field.exec(line)?.[1]?.toLowerCase()

/** A line's value: without the spaces and tabs around it, and only those, unlike what `trim` takes for white space. */
const trimmed = (line: string, begin: number): string => {
  let end = line.length
  while (begin < end && isBlank(line.charCodeAt(begin))) begin++
  while (end > begin && isBlank(line.charCodeAt(end - 1))) end--
  return line.slice(begin, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
