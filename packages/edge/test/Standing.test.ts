import { assert, describe, it } from "@effect/vitest"
import * as Standing from "../src/internal/Standing.ts"

interface Counts {
  readonly begun: number
  readonly waited: number
  readonly refused: number
}

/** Looks once in each of so many windows, each with these counts. */
const after = (windows: number, counts: Counts, standing = Standing.make()) => {
  for (let i = 0; i < windows; i++) {
    Object.assign(standing, counts)
    Standing.look(standing, standing.since + 250)
  }
  return standing
}

const tooMuch: Counts = { begun: 100, waited: 100, refused: 200 }

describe("a line that stands", () => {
  it("is one that had too much for a second, until it had not for a second", () => {
    assert.isFalse(after(3, tooMuch).isStanding)
    const standing = after(4, tooMuch)
    assert.isTrue(standing.isStanding)
    after(20, tooMuch, standing)
    assert.isTrue(after(3, { begun: 100, waited: 0, refused: 0 }, standing).isStanding)
    assert.isFalse(after(1, { begun: 100, waited: 0, refused: 0 }, standing).isStanding)
  })

  for (const [what, counts] of [
    ["some of those let in did not wait", { begun: 100, waited: 89, refused: 200 }],
    ["hardly anybody was refused", { begun: 100, waited: 100, refused: 4 }],
    ["nobody was refused of nobody", { begun: 0, waited: 0, refused: 0 }],
    ["the same clients ask again and again", { begun: 100, waited: 100, refused: 2_001 }]
  ] as const) {
    it(`is none where ${what}`, () => assert.isFalse(after(10, counts).isStanding))
  }

  for (const [what, counts] of [
    ["nine tenths waited", { begun: 100, waited: 90, refused: 200 }],
    ["a twentieth more came than could begin", { begun: 100, waited: 100, refused: 5 }],
    ["twenty times as many were refused", { begun: 100, waited: 100, refused: 2_000 }]
  ] as const) {
    it(`is one where ${what}`, () => assert.isTrue(after(4, counts).isStanding))
  }

  it("is none after a quiet time, whatever was counted before it, and none because of it", () => {
    for (const windows of [1, 2, 3, 4, 10]) {
      const standing = after(windows, tooMuch)
      Object.assign(standing, tooMuch)
      Standing.look(standing, standing.since + 3_600_000)
      assert.deepStrictEqual([standing.isStanding, standing.score], [false, 0], `after ${windows}`)
    }
  })

  it("is looked at once in a window, however often it is asked", () => {
    const standing = Standing.make()
    for (let millis = 0; millis < 1_000; millis++) {
      standing.begun += 1
      standing.waited += 1
      standing.refused += 2
      Standing.look(standing, millis)
    }
    assert.strictEqual(standing.score, 3)
  })
})
