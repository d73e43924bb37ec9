/**
 * The head of a request as nearly all clients send it, or undefined: for whatever is in any way unusual Node's parser is the
 * one to ask. So this one knows no leniency, and nothing that the two could understand differently: one read holds all of a
 * `GET` in origin form, whose lines end in CR LF, whose names are tokens that occur once, and that says nothing of a body, an
 * upgrade or the connection but that it is kept.
 */

export interface PlainHead {
  /** Path and query, as they came. */
  readonly url: string
  /** In lower case. */
  readonly names: ReadonlyArray<string>
  /** Of the header at the same place. */
  readonly values: ReadonlyArray<string>
}

/** A head that is longer is for Node, in bytes. */
export const longest = 8_192

/** More than these, too: each name is held against all before it. */
const most = 64

const whole = /^GET (\/[\x21-\x7e]*) HTTP\/1\.1\r\n((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+)\r\n$/

const notPlain = new Set(["content-length", "transfer-encoding", "upgrade", "expect", "trailer", "proxy-connection"])

/** Reads `text`, the bytes as latin1, as Node does. */
export const read = (text: string): PlainHead | undefined => {
  const [, url, lines] = whole.exec(text) ?? []
  if (url === undefined || lines === undefined) return undefined
  const names: Array<string> = []
  const values: Array<string> = []
  for (let start = 0; start < lines.length;) {
    const colon = lines.indexOf(":", start)
    const end = lines.indexOf("\r", colon)
    const name = lines.slice(start, colon).toLowerCase()
    const value = trimmed(lines, colon + 1, end)
    const isUsual = name === "connection" ? value.toLowerCase() === "keep-alive" : !notPlain.has(name)
    if (!isUsual || names.length === most || names.includes(name)) return undefined
    names.push(name)
    values.push(value)
    start = end + 2
  }
  return names.includes("host") ? { url, names, values } : undefined
}

/** Without the white space of HTTP around it; what else JavaScript would take off is part of the value. */
const trimmed = (text: string, start: number, end: number): string => {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
