import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as EntryTemplate from "../src/EntryTemplate.ts"
import * as Name from "../src/Name.ts"
import type * as Source from "../src/Source.ts"
import * as UpstreamTemplate from "../src/UpstreamTemplate.ts"

const formsOf = (text: string) =>
  Result.map(Name.parse(text), ({ pascal, camel, kebab, words }) => [pascal, camel, kebab, words])

describe("a name", () => {
  it("has the form that each place needs", () => {
    assert.deepStrictEqual(formsOf("gifts"), Result.succeed(["Gifts", "gifts", "gifts", "gifts"]))
    assert.deepStrictEqual(formsOf("giftBoxes"), Result.succeed(["GiftBoxes", "giftBoxes", "gift-boxes", "gift boxes"]))
    assert.deepStrictEqual(formsOf("HTMLPage"), Result.succeed(["HTMLPage", "htmlPage", "html-page", "html page"]))
  })

  it("is refused where it is no word of letters", () => {
    for (const text of ["", "a", "a b", "gift-boxes", "gift_boxes", "../a", "gift2", "größe", "a".repeat(33)]) {
      assert.isTrue(Result.isFailure(Name.parse(text)), text)
    }
  })

  it("is refused where the language has it", () => {
    for (const text of ["delete", "Class", "object", "URL", "console", "Promise", "globalThis"]) {
      assert.isTrue(Result.isFailure(Name.parse(text)), text)
    }
  })

  it("is refused where the written files import it", () => {
    const name = Result.getOrThrow(Name.parse("page"))
    const upstream: Source.Upstream = { noun: "Own", className: "Own", name: "own", input: [], output: "OwnInfo" }
    const required = { upstream, input: [{ name: "id", schema: "Schema.String", noun: undefined }], output: "OwnInfo" }
    const optional = [{ ...required, upstream: { ...upstream, noun: "Other", className: "Other", name: "other" } }]
    const texts = [
      UpstreamTemplate.source({ name, by: "room" }),
      UpstreamTemplate.test({ name, by: "room" }),
      EntryTemplate.source({ name, required, optional }, required.input),
      EntryTemplate.test({ name, required, optional }, required.input)
    ]
    const imports = texts
      .flatMap((text) => Array.from(text.matchAll(/^import (?:type )?(?:\* as (\w+)|\{([^}]*)\}) from "(?!\.)/gm)))
      .flatMap(([, whole, names = ""]) => whole ?? names.replaceAll(/\btype /g, "").split(","))
      .map((imported) => imported.trim())
      .filter((imported) => /^[A-Z]/.test(imported))
    assert.includeMembers(imports, ["Upstream", "FanOut", "Fake", "Schema", "UpstreamError"])
    for (const imported of imports) assert.isTrue(Result.isFailure(Name.parse(imported)), imported)
  })
})
