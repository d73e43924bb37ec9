import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Heads } from "../src/internal/Http1Head.ts"

const text = (length: number) => `HTTP/1.1 200 OK\r\nContent-Length: ${length}`

describe("heads of many connections", () => {
  it("are read once while they say the same", () => {
    const heads = new Heads()
    const first = heads.read(text(5))
    assert.strictEqual(first?.length, 5)
    assert.strictEqual(heads.read(text(6))?.length, 6)
    assert.strictEqual(heads.read(text(5)), first)
  })

  it("that are none stay none", () => {
    const heads = new Heads()
    const malformed = "HTTP/1.1 200 OK\r\ncontent-length : 5"
    assert.deepStrictEqual([heads.read(malformed), heads.read(malformed)], [undefined, undefined])
  })

  it.prop(
    "say what they say, however many there were before",
    { lengths: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 99 }))) },
    ({ lengths }) => {
      const heads = new Heads()
      for (const length of [...Array.from({ length: 100 }, (_, i) => i), ...lengths]) {
        assert.deepStrictEqual(heads.read(text(length)), new Heads().read(text(length)))
        assert.strictEqual(heads.read(text(length))?.length, length)
      }
    }
  )
})
