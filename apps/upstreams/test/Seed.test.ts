import { assert, describe, it } from "@effect/vitest"
import * as Seed from "../src/Seed.ts"

const seed = Seed.make()

describe("Seed", () => {
  it("is the same every time", () => assert.deepStrictEqual(Seed.make(), seed))

  it("has hundreds of rooms of every status and thousands of users", () => {
    assert.strictEqual(seed.rooms.length, Seed.roomCount)
    assert.strictEqual(seed.users.length, Seed.userCount)
    const count = (status: string) => seed.rooms.filter((room) => room.status === status).length
    assert.isAbove(count("live"), 200)
    assert.isAbove(count("offline"), 80)
    assert.isAbove(count("banned"), 5)
  })

  it("has the room and the users that examples count on", () => {
    assert.deepInclude(seed.rooms[0], { roomId: "1001", status: "live" })
    assert.strictEqual(seed.users[0]?.userId, "2001")
    assert.isTrue(seed.equities.some(({ userId, roomId, vip }) => userId === "2001" && roomId === "1001" && vip))
    assert.isFalse(seed.equities.some(({ userId }) => userId === "2002"))
  })

  it("writes names in many scripts", () => {
    const names = [...seed.users.map((user) => user.nickname), ...seed.rooms.map((room) => room.title)]
    const scripts = [
      "Han",
      "Hiragana",
      "Katakana",
      "Hangul",
      "Latin",
      "Arabic",
      "Cyrillic",
      "Devanagari",
      "Thai",
      "Hebrew"
    ]
    for (const script of scripts) {
      const pattern = new RegExp(`\\p{Script=${script}}`, "u")
      assert.isAbove(names.filter((name) => pattern.test(name)).length, 20, script)
    }
    assert.isAbove(names.filter((name) => /\p{Extended_Pictographic}/u.test(name)).length, 100)
  })

  it("gives streams and a start to live rooms alone", () => {
    for (const room of seed.rooms) {
      assert.strictEqual(room.streams.length > 0, room.status === "live", room.roomId)
      assert.strictEqual(room.startedAt !== null, room.status === "live", room.roomId)
    }
  })

  it("refers to users and rooms that exist, each once", () => {
    const users = new Set(seed.users.map((user) => user.userId))
    const rooms = new Set(seed.rooms.map((room) => room.roomId))
    assert.isTrue(seed.rooms.every((room) => users.has(room.anchorId)))
    assert.strictEqual(new Set(seed.rooms.map((room) => room.anchorId)).size, rooms.size)
    assert.isTrue(seed.equities.every((equity) => users.has(equity.userId) && rooms.has(equity.roomId)))
    assert.strictEqual(
      new Set(seed.equities.map((equity) => `${equity.userId} ${equity.roomId}`)).size,
      seed.equities.length
    )
  })

  it("has vip users, plain users with a little, and many with nothing", () => {
    const vips = new Set(seed.equities.filter((equity) => equity.vip).map((equity) => equity.userId))
    const some = new Set(seed.equities.map((equity) => equity.userId))
    assert.isAbove(vips.size, 500)
    assert.isAbove(some.size - vips.size, 500)
    assert.isBelow(some.size, Seed.userCount / 2)
  })
})
