import { assert, describe, it } from "@effect/vitest"
import { Refusals } from "../src/Refusals.ts"

/** Refusals of numbers, and a loop that comes round when the test says so. */
const make = () => {
  const told: Array<number> = []
  let due: Array<() => void> = []
  const refusals = new Refusals<number>(
    (refused) => void told.push(refused),
    (callback) => void due.push(callback)
  )
  let next = 0
  const add = (count: number) => {
    for (let nth = 0; nth < count; nth++) refusals.add(next++)
  }
  const turn = () => {
    const now = due
    due = []
    for (const callback of now) callback()
  }
  return { add, turn, told, isTurning: () => due.length > 0 }
}

const upTo = (count: number) => Array.from({ length: count }, (_, nth) => nth)

describe("those who are refused", () => {
  it("are told by the end of the turn, in the order in which they came, and nothing turns for nobody", () => {
    const { add, turn, told, isTurning } = make()
    add(3)
    assert.deepStrictEqual(told, [])
    turn()
    assert.deepStrictEqual(told, upTo(3))
    assert.isFalse(isTurning())
  })

  it("are told in sixteens before, as far as a turn has room for them", () => {
    const { add, turn, told, isTurning } = make()
    add(40)
    assert.deepStrictEqual(told, upTo(32))
    add(160)
    assert.deepStrictEqual(told, upTo(64))
    for (const expected of [64, 128, 192, 200]) {
      turn()
      assert.deepStrictEqual(told, upTo(expected))
    }
    assert.isFalse(isTurning())
  })

  it("do not wait in any number, however many come in one turn", () => {
    const { add, turn, told } = make()
    add(100_000)
    assert.isAtLeast(told.length, 100_000 - 8_192)
    while (told.length < 100_000) turn()
    assert.deepStrictEqual(told, upTo(100_000))
  })
})
