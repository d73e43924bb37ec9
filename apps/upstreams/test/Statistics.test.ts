import { assert, describe, it } from "@effect/vitest"
import { drift } from "../src/Statistics.ts"

const base = { roomId: "1001", viewers: 1000, likes: 50, gifts: 3 }
const noon = Date.UTC(2026, 5, 1, 12)

describe("Statistics", () => {
  it("are the same for all at one instant, and others later", () => {
    assert.deepStrictEqual(drift(base, noon), drift(base, noon))
    assert.notDeepEqual(drift(base, noon), drift(base, noon + 10_000))
  })

  it("are whole numbers, never below 0, whatever the time", () => {
    for (const now of [-86_400_001, 0, 1, noon, noon + 0.5, Number.MAX_SAFE_INTEGER]) {
      for (const viewers of [0, 1, 80_000]) {
        const { likes, gifts, ...rest } = drift({ ...base, viewers }, now)
        for (const number of [rest.viewers, likes, gifts]) assert.isTrue(Number.isSafeInteger(number) && number >= 0)
      }
    }
  })

  it("keep near the room's size, and likes and gifts only grow during a day", () => {
    let before = drift(base, noon)
    for (let second = 1; second < 3600; second++) {
      const after = drift(base, noon + second * 1000)
      assert.isTrue(after.viewers > 850 && after.viewers < 1150)
      assert.isTrue(after.likes >= before.likes && after.gifts >= before.gifts)
      before = after
    }
  })
})
