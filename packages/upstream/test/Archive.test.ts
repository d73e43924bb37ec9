import { assert, describe, it } from "@effect/vitest"
import { Exit, Schema } from "effect"
import { Archive } from "../src/internal/Archive.ts"
import { hashOf } from "../src/internal/Table.ts"
import type { Reading } from "../src/internal/Reading.ts"

const keepMillis = 1_000

/** An archive of JSON that counts what it reads. */
const archiveOf = ({ capacity = 10, hash = hashOf(1) } = {}) => {
  const reads: Array<string> = []
  const archive = new Archive<unknown, never>({
    capacity,
    keepMillis,
    hash,
    read: (text) => {
      reads.push(text)
      return Exit.succeed(JSON.parse(text))
    }
  })
  const put = (key: string, reading: Reading<unknown>, now: number) => {
    const exit = Exit.succeed(reading)
    if (Exit.isSuccess(exit)) archive.put(key, exit, now + 100, now)
  }
  return {
    archive,
    reads,
    /** Puts it as the text that it was. */
    put: (key: string, value: unknown, now = 0) => put(key, { value, text: JSON.stringify(value) }, now),
    putValue: (key: string, value: unknown, now = 0) => put(key, { value, text: undefined }, now),
    valueOf: (key: string) => {
      const known = archive.get(key)?.value
      return known !== undefined && Exit.isSuccess(known) ? known.value : undefined
    }
  }
}

describe("Archive", () => {
  it("gives an answer back with its times; reads it once, and from then on it is the same value", () => {
    const { archive, reads, put, valueOf } = archiveOf()
    put("/rooms/1", { title: "夜の歌 🎤 à la carte" }, 7)
    assert.deepStrictEqual([archive.get("/rooms/1")?.at, archive.get("/rooms/1")?.freshUntil], [7, 107])
    assert.deepStrictEqual(reads, [])
    const value = valueOf("/rooms/1")
    assert.deepStrictEqual(value, { title: "夜の歌 🎤 à la carte" })
    assert.strictEqual(valueOf("/rooms/1"), value)
    assert.strictEqual(reads.length, 1)
    assert.strictEqual(archive.get("/rooms/2"), undefined)
  })

  it("keeps what has no text, or a text that would not come back, as the value that it is", () => {
    const { archive, reads, putValue, valueOf } = archiveOf()
    const item = { name: "of a batch" }
    putValue("/a", item)
    assert.strictEqual(valueOf("/a"), item)
    const half = JSON.parse(`"\\ud83c"`)
    const exit = Exit.succeed({ value: half, text: `"${half}"` })
    if (Exit.isSuccess(exit)) archive.put("/b", exit, 100, 0)
    assert.strictEqual(valueOf("/b"), half)
    assert.deepStrictEqual(reads, [])
  })

  it("keeps an answer that is longer than a stretch of its log, and what comes before and after it", () => {
    const { put, valueOf } = archiveOf()
    const bodies = [10, 300_000, 10, 200_000, 200_000, 10].map((length, i) => String(i).repeat(length))
    bodies.forEach((body, i) => put(`/${i}`, body))
    bodies.forEach((body, i) => assert.strictEqual(valueOf(`/${i}`), body))
  })

  it("never takes one key for another of the same number: the later one is kept", () => {
    const { archive, put, valueOf } = archiveOf({ hash: () => 1 })
    put("/a", "a")
    assert.strictEqual(valueOf("/b"), undefined)
    archive.delete("/b")
    assert.strictEqual(valueOf("/a"), "a")
    put("/b", "b")
    assert.deepStrictEqual([valueOf("/a"), valueOf("/b"), archive.size], [undefined, "b", 1])
  })

  it("writes again where it wrote before: a hundred thousand answers take no more memory than it keeps", () => {
    const { archive, put, valueOf } = archiveOf({ capacity: 1_000 })
    const body = "x".repeat(1_000)
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 100_000; i++) put(`/${i}`, `${i}${body}`)
    // Twice the capacity of a kilobyte each is 2 MB, in stretches of a quarter.
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 4_000_000)
    assert.deepStrictEqual([archive.size, valueOf("/98999"), valueOf("/99000")], [1_000, undefined, `99000${body}`])
  })

  it("lets go of what is past its time as others come, and keeps nothing where it may keep nothing", () => {
    const { archive, put, valueOf } = archiveOf({ capacity: 10 })
    put("/old", "old", 0)
    put("/new", "new", keepMillis)
    assert.strictEqual(valueOf("/old"), "old")
    put("/new", "newer", keepMillis + 1)
    assert.deepStrictEqual([archive.size, valueOf("/old")], [1, undefined])
    const none = archiveOf({ capacity: 0 })
    none.put("/a", "a")
    assert.deepStrictEqual([none.archive.size, none.valueOf("/a")], [0, undefined])
    const most = archiveOf({ capacity: Infinity })
    most.put("/a", "a")
    assert.strictEqual(most.valueOf("/a"), "a")
  })

  it("keeps what nobody asks for however often others are learnt again, in no more memory", () => {
    const { archive, put, putValue, valueOf } = archiveOf({ capacity: 1_000 })
    put("/rare", "rare", 7)
    putValue("/value", "value", 7)
    const before = process.memoryUsage().arrayBuffers
    const body = "x".repeat(1_000)
    for (let i = 0; i < 50_000; i++) put(`/hot/${i % 3}`, `${i}${body}`, 8)
    // Some 70 of a kilobyte are known or wait to be let go of.
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000_000)
    assert.deepStrictEqual([archive.size, archive.get("/rare")?.at, archive.get("/rare")?.freshUntil], [5, 7, 107])
    assert.deepStrictEqual([valueOf("/rare"), valueOf("/value"), valueOf("/hot/1")], ["rare", "value", `49999${body}`])
  })

  for (const [kind, hash] of [
    ["a number each", hashOf(7)],
    ["two numbers", (key: string) => key.charCodeAt(1) % 2]
  ] as const) {
    it.prop(
      `whatever is put, asked for and deleted in whatever order: a key has its last answer, or none (keys of ${kind})`,
      { seed: Schema.Int, capacity: Schema.Literals([3, 6]) },
      ({ seed, capacity }) => {
        const { archive, put: putText, putValue, valueOf } = archiveOf({ capacity, hash })
        let state = seed | 1
        /** A linear congruential generator: the steps are too many to be shrunk. */
        const below = (most: number) => {
          state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
          return (state >>> 8) % most
        }
        const keys = ["/a", "/b", "/c", "/d", "/e"]
        const last = new Map<string, { readonly value: string; readonly at: number }>()
        let now = 0
        for (let step = 0; step < 1_000; step++) {
          // The first are put far more often than the last.
          const key = keys[Math.min(below(5), below(40))] ?? ""
          const what = below(100)
          if (what === 0) now += below(400)
          else if (what === 1) {
            archive.delete(key)
            last.delete(key)
          } else if (what < 80) {
            const value = `${step}:${"y".repeat(below(50) === 0 ? 100_000 + below(200_000) : below(30))}`
            const put = below(4) === 0 ? putValue : putText
            put(key, value, now)
            last.set(key, { value, at: now })
          } else {
            const known = archive.get(key)
            const model = last.get(key)
            if (known !== undefined) {
              assert.deepStrictEqual([valueOf(key), known.at], [model?.value, model?.at])
              // Of a number each, none is pushed out by the others where all of them have room.
            } else if (model !== undefined && capacity > keys.length && kind === "a number each") {
              assert.isAbove(now - model.at, keepMillis, `${key} is gone`)
            }
          }
          assert.isAtMost(archive.size, capacity)
        }
      }
    )
  }
})
