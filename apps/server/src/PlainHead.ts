/**
 * The head of a request as nearly all clients send it, or undefined: for whatever is in any way unusual Node's parser is the
 * one to ask. So this one knows no leniency, and nothing that the two could understand differently: one read holds all of a
 * `GET` in origin form, whose lines end in CR LF, whose names are tokens that occur once, and that says nothing of a body, an
 * upgrade or the connection but that it is kept.
 */

/**
 * The text, and where its headers are. Whoever stands in line has one of these: a name and a value of their own for each header
 * that a browser sends would be most of what it keeps alive.
 */
export class PlainHead {
  /** Path and query, as they came. */
  readonly url: string
  /** All of it, a character for each byte. */
  readonly text: string

  constructor(url: string, text: string) {
    this.url = url
    this.text = text
  }

  /** The value of the header with this name, in lower case. */
  header(name: string): string | undefined {
    const { text } = this
    return first(text, (start, colon, end) =>
      colon - start === name.length && text.slice(start, colon).toLowerCase() === name
        ? trimmed(text, colon + 1, end)
        : undefined
    )
  }

  /** Names in lower case and values, in the order in which they came. */
  headers(): ReadonlyArray<readonly [name: string, value: string]> {
    const { text } = this
    const all: Array<readonly [string, string]> = []
    first(text, (start, colon, end) => {
      all.push([text.slice(start, colon).toLowerCase(), trimmed(text, colon + 1, end)])
      return undefined
    })
    return all
  }
}

/** What `pick` makes of the first header of which it makes anything, by where its name begins and where its value is. */
const first = <A>(text: string, pick: (start: number, colon: number, end: number) => A | undefined): A | undefined => {
  for (let start = text.indexOf("\n") + 1; start < text.length - 2;) {
    const colon = text.indexOf(":", start)
    const end = text.indexOf("\r", colon)
    const picked = pick(start, colon, end)
    if (picked !== undefined) return picked
    start = end + 2
  }
  return undefined
}

/** A head that is longer is for Node, in bytes. */
export const longest = 8_192

/** More than these, too: each name is held against all before it. */
const most = 64

const whole = /^GET (\/[\x21-\x7e]*) HTTP\/1\.1\r\n(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n)+\r\n$/

const notPlain = new Set(["content-length", "transfer-encoding", "upgrade", "expect", "trailer", "proxy-connection"])

/** Reads `text`, the bytes as latin1, as Node does. */
export const read = (text: string): PlainHead | undefined => {
  const url = whole.exec(text)?.[1]
  if (url === undefined) return undefined
  const head = new PlainHead(url, text)
  const names: Array<string> = []
  for (const [name, value] of head.headers()) {
    const isUsual = name === "connection" ? value.toLowerCase() === "keep-alive" : !notPlain.has(name)
    if (!isUsual || names.length === most || names.includes(name)) return undefined
    names.push(name)
  }
  return names.includes("host") ? head : undefined
}

/** Without the white space of HTTP around it; what else JavaScript would take off is part of the value. */
const trimmed = (text: string, start: number, end: number): string => {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09
