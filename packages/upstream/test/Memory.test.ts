/** What a memory makes of its stores, beside what Freshness.test.ts says of all memories. */
import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import * as Freshness from "../src/Freshness.ts"
import { Archive } from "../src/internal/Archive.ts"
import { hashOf } from "../src/internal/Table.ts"
import * as HttpCall from "../src/internal/HttpCall.ts"
import * as Memory from "../src/internal/Memory.ts"
import type { Reading } from "../src/internal/Reading.ts"
import { Shelf } from "../src/internal/Shelf.ts"
import { steady } from "./PlayedThing.ts"

describe("a memory", () => {
  it("does not know what cannot be read again", () => {
    const options: Freshness.Options = { ...Freshness.defaults, freshFor: "1 minute", staleFor: "1 minute" }
    const archive = new Archive<number, string>({
      capacity: 10,
      keepMillis: Memory.keepMillis(options),
      hash: hashOf(1),
      read: (text) => (text === "null" ? Exit.fail("not the schema") : Exit.succeed(Number(text)))
    })
    const memory = Memory.make<number, string, Reading<number>>(options, archive)
    memory.learn("/well", Exit.succeed({ value: 1, text: "1" }), 0, steady)
    // JSON has no infinity: what was parsed as one is written as null.
    memory.learn("/gone", Exit.succeed({ value: Infinity, text: HttpCall.textOf(JSON.parse("1e400")) }), 0, steady)
    assert.deepStrictEqual(memory.known("/well", 1), Exit.succeed(1))
    assert.strictEqual(memory.known("/gone", 1), undefined)
    assert.strictEqual(memory.lastGood("/gone", 1)._tag, "None")
  })

  it("keeps an item as a value that only a parser can follow", () => {
    const deep = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)
    assert.strictEqual(HttpCall.textOf(deep), undefined)
    assert.strictEqual(HttpCall.textOf({ id: "1" }), `{"id":"1"}`)
  })

  it("of values holds no more of what is learnt again and again than it knows, though one stays for long", () => {
    const shelf = new Shelf<number>(10, Infinity)
    shelf.put("cold", 0, 0, 0)
    for (let i = 1; i <= 100_000; i++) shelf.put("hot", i, 0, 0)
    assert.deepStrictEqual([shelf.get("cold")?.value, shelf.get("hot")?.value, shelf.size], [0, 100_000, 2])
    // Its queue in full is a thousand times as long.
    assert.isBelow(JSON.stringify(shelf).length, 100_000)
  })
})
