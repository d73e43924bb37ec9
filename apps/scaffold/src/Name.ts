/** A name in the forms in which written files need it: `giftBoxes` is the class GiftBoxes, the part giftBoxes, the path gift-boxes. */
import { Result } from "effect"

export interface Name {
  readonly pascal: string
  readonly camel: string
  readonly kebab: string
  /** As it stands in a sentence. */
  readonly words: string
}

/** Letters only, in one word or with a capital for each: else, or where the language has it already, says why not. */
export const parse = (text: string): Result.Result<Name, string> => {
  if (!/^[A-Za-z]{2,32}$/.test(text)) return Result.fail(`"${text}" is no name: 2 to 32 letters, such as giftBoxes`)
  const words = (text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase())
  const pascal = `${text.charAt(0).toUpperCase()}${text.slice(1)}`
  const first = words[0] ?? ""
  const name = { pascal, camel: first + text.slice(first.length), kebab: words.join("-"), words: words.join(" ") }
  return isTaken(name) ? Result.fail(`"${text}" is reserved: choose another name`) : Result.succeed(name)
}

const isTaken = ({ pascal, camel }: Name): boolean =>
  keywords.has(camel) || imported.has(pascal) || pascal in globalThis || camel in globalThis

/** What the written files import: a class of that name would hide it. */
const imported: ReadonlySet<string> = new Set([
  "Duration",
  "Effect",
  "Endpoint",
  "Exit",
  "Fake",
  "FakeUpstream",
  "FanOut",
  "Fiber",
  "Layer",
  "Part",
  "Path",
  "Schema",
  "ScriptedServer",
  "Status",
  "Transport",
  "Upstream",
  "UpstreamError"
])

const keywords: ReadonlySet<string> = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum export extends false " +
    "finally for function if implements import in instanceof interface let new null package private protected public " +
    "return static super switch this throw true try typeof var void while with yield"
  ).split(" ")
)
