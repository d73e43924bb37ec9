import { assert, describe, it } from "@effect/vitest"
import { Exit, Schema } from "effect"
import { Archive, hashOf } from "../src/internal/Archive.ts"
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

  it("lets go of what is past its time as others come, and of what is older than twice the capacity", () => {
    const { archive, put, valueOf } = archiveOf({ capacity: 10 })
    put("/old", "old", 0)
    put("/new", "new", keepMillis)
    assert.strictEqual(valueOf("/old"), "old")
    put("/new", "newer", keepMillis + 1)
    assert.deepStrictEqual([archive.size, valueOf("/old")], [1, undefined])
    put("/rare", "rare", 2_000)
    for (let i = 0; i < 19; i++) put("/hot", i, 2_000)
    assert.deepStrictEqual([valueOf("/rare"), valueOf("/hot")], ["rare", 18])
    put("/hot", 19, 2_000)
    assert.deepStrictEqual([archive.size, valueOf("/rare"), valueOf("/hot")], [1, undefined, 19])
  })

  const key = Schema.Literals(["/a", "/b", "/c", "/d", "/e"])
  const Step = Schema.Union([
    Schema.TaggedStruct("put", { key, text: Schema.Boolean, length: Schema.Literals([10, 100_000, 150_000]) }),
    Schema.TaggedStruct("put", { key, text: Schema.Boolean, length: Schema.Literals([10, 100_000, 150_000]) }),
    Schema.TaggedStruct("get", { key }),
    Schema.TaggedStruct("delete", { key }),
    Schema.TaggedStruct("pass", { millis: Schema.Literals([1, 400, 900]) })
  ])

  for (const collide of [false, true]) {
    it.prop(
      `whatever is put, asked for and deleted in whatever order: a key has its last answer or none (${collide ? "two numbers" : "a number each"})`,
      { steps: Schema.Array(Step).check(Schema.isMinLength(20), Schema.isMaxLength(60)) },
      ({ steps }) => {
        const capacity = 3
        const hash = collide ? (key: string) => key.charCodeAt(1) % 2 : hashOf(7)
        const { archive, put: putText, putValue, valueOf } = archiveOf({ capacity, hash })
        /** What was put last of each key, which puts came after it, and of which keys. */
        const last = new Map<string, { value: string; at: number; puts: number; others: Set<string> }>()
        let now = 0
        let puts = 0
        const check = (key: string) => {
          const value = valueOf(key)
          const model = last.get(key)
          if (value !== undefined) return assert.strictEqual(value, model?.value)
          if (collide || model === undefined) return
          const isTooMuch = model.others.size >= capacity || model.puts >= 2 * capacity
          assert.isTrue(isTooMuch || now - model.at > keepMillis, `${key} is gone`)
        }
        for (const step of steps) {
          if (step._tag === "get") check(step.key)
          if (step._tag === "pass") now += step.millis
          if (step._tag === "delete") {
            archive.delete(step.key)
            last.delete(step.key)
          }
          if (step._tag === "put") {
            const value = `${puts++}:${"y".repeat(step.length)}`
            const put = step.text ? putText : putValue
            put(step.key, value, now)
            for (const model of last.values()) {
              model.puts++
              model.others.add(step.key)
            }
            last.set(step.key, { value, at: now, puts: 0, others: new Set() })
          }
          assert.isAtMost(archive.size, capacity)
        }
        for (const key of ["/a", "/b", "/c", "/d", "/e"]) check(key)
      }
    )
  }
})
