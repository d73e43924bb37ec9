import * as v8 from "node:v8"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { hashOf, Table } from "../src/internal/Table.ts"

const Step = Schema.Struct({
  // More come than go.
  does: Schema.Literals(["set", "set", "set", "delete", "delete", "get"]),
  key: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 300 }))
})

const hashes: Readonly<Record<string, (key: number) => number>> = {
  "a number each": (key) => Math.imul(key, -1_640_531_527),
  "neighbouring numbers": (key) => key,
  "negative numbers": (key) => -key,
  "few numbers": (key) => key % 3,
  "one number": () => 62
}

describe("a table", () => {
  for (const [what, hash] of Object.entries(hashes)) {
    it.effect.prop(
      `with ${what} for its keys is what a map is`,
      { steps: Schema.Array(Step) },
      ({ steps }) =>
        Effect.sync(() => {
          const table = new Table<number, { readonly step: number }>(hash)
          const model = new Map<number, { readonly step: number }>()
          for (const [step, { does, key }] of steps.entries()) {
            if (does === "set") {
              table.set(key, { step })
              model.set(key, { step })
            } else if (does === "delete") {
              table.delete(key)
              model.delete(key)
            }
            assert.deepStrictEqual(table.get(key), model.get(key))
            assert.strictEqual(table.size, model.size)
          }
          for (const key of Array.from({ length: 301 }, (_, index) => index)) {
            assert.deepStrictEqual(table.get(key), model.get(key))
          }
          const inOrder = (values: Iterable<{ readonly step: number }>) =>
            Array.from(values, ({ step }) => step).sort((a, b) => a - b)
          assert.deepStrictEqual(inOrder(table.values()), inOrder(model.values()))
          table.clear()
          assert.strictEqual(table.size, 0)
          assert.deepStrictEqual(table.values(), [])
        }),
      { arbitrary: { runs: 300, size: 200 } }
    )
  }

  it("has room for as many as come", () => {
    const table = new Table<string, number>(hashOf(7))
    for (let key = 0; key < 10_000; key++) table.set(`key ${key}`, key)
    for (let key = 0; key < 10_000; key += 2) table.delete(`key ${key}`)
    assert.strictEqual(table.size, 5_000)
    for (let key = 0; key < 10_000; key++) {
      assert.strictEqual(table.get(`key ${key}`), key % 2 === 0 ? undefined : key)
    }
  })

  it("keeps nothing of what has left alive, unlike a map", () => {
    // In this order: what a map leaves behind may only get old while the other is looked at.
    const ofTable = growth(new Table<string, object>(hashOf(7)))
    const ofMap = growth(new Map<string, object>())
    assert.isAbove(ofMap, 8 * 1_048_576, "so that the figure below means something")
    assert.isBelow(ofTable, 1_048_576)
  })
})

/** By how many bytes the old generation grows at most while what lives for a moment comes and goes. */
const growth = (map: {
  readonly set: (key: string, value: object) => unknown
  readonly delete: (key: string) => unknown
}): number => {
  // Long enough in it that its table is old.
  for (let key = 0; key < 300; key++) map.set(`first ${key}`, { key })
  let made = 0
  for (let count = 0; count < 400_000; count++) made += Array.from({ length: 50 }, () => count).length
  assert.strictEqual(made, 400_000 * 50)
  for (let key = 0; key < 300; key++) map.delete(`first ${key}`)
  const before = old()
  let most = 0
  for (let key = 0; key < 200_000; key++) {
    map.set(`key ${key}`, { key, text: Array.from({ length: 20 }, () => key) })
    if (key >= 300) map.delete(`key ${key - 300}`)
    if (key % 1_000 === 0) most = Math.max(most, old() - before)
  }
  return most
}

const old = (): number =>
  v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0
