/** Who is let in, when, and who is refused: with a loop and a clock that the test turns. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { Line } from "../src/internal/Line.ts"
import { entriesPerTurn, standingMillis, tooLate, worthwhile } from "../src/LoadShed.ts"
import { callers, make } from "./fixture.ts"

describe("the line", () => {
  it.effect("some begin in a turn, the others in the order in which they came, and nothing turns for nobody", () =>
    Effect.gen(function* () {
      const { shed, turn, isTurning } = yield* make(100)
      const came = callers(shed, 2 * entriesPerTurn + 1, 1_000)
      const inside = () => came.map(({ log }) => log.entered >= 0)
      assert.deepStrictEqual(
        inside(),
        came.map((_, i) => i < entriesPerTurn)
      )
      yield* turn(2)
      assert.deepStrictEqual(
        inside(),
        came.map((_, i) => i < 2 * entriesPerTurn)
      )
      yield* turn(1)
      assert.deepStrictEqual(
        came.map(({ log }) => log.entered),
        came.map((_, i) => (i < entriesPerTurn ? 0 : i < 2 * entriesPerTurn ? 2 : 3))
      )
      yield* turn(1)
      assert.isFalse(isTurning())
      assert.strictEqual(shed.shed(), 0)
    })
  )

  it.effect("nobody is let in while something that was ready waits, however long that is", () =>
    Effect.gen(function* () {
      const { shed, turn, loop } = yield* make(100)
      const came = callers(shed, 100, 1_000)
      const inside = () => came.filter(({ log }) => log.entered >= 0).length
      loop.isBehind = true
      for (let turns = 0; turns < 10; turns++) {
        yield* turn(10)
        assert.strictEqual(inside(), entriesPerTurn)
        assert.isTrue(callers(shed, 100, 1_000).every(({ log }) => log.refused === 1))
      }
      loop.isBehind = false
      yield* turn(1)
      assert.isAbove(inside(), entriesPerTurn)
    })
  )

  it.effect("who leaves the line is not let in, and keeps nobody waiting", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100)
      const came = callers(shed, 4 * entriesPerTurn, 1_000)
      for (const { place } of came.slice(entriesPerTurn, -1)) shed.leave(place)
      for (const { place } of came.slice(entriesPerTurn, -1)) shed.leave(place)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting()], [entriesPerTurn, 1])
      yield* turn(1)
      assert.strictEqual(came.at(-1)?.log.entered, 1)
      assert.isTrue(came.slice(entriesPerTurn, -1).every(({ log }) => log.entered < 0 && log.refused === 0))
      for (const { place } of came) shed.leave(place)
      assert.deepStrictEqual([shed.inFlight(), shed.waiting(), shed.shed()], [0, 0, 0])
    })
  )

  /** For so many milliseconds, a loop whose turns take as long as what begins in them, `each` milliseconds; for each `came` come. */
  const busy = Effect.fnUntraced(function* (
    { shed, turn }: Effect.Success<ReturnType<typeof make>>,
    millis: number,
    { each, came, usefulFor }: Record<"each" | "came" | "usefulFor", number>
  ) {
    const all: Array<ReturnType<typeof callers>[number]> = []
    let before = shed.inFlight()
    for (let elapsed = 0; elapsed < millis;) {
      const begun = Math.max(1, shed.inFlight() - before)
      before = shed.inFlight()
      all.push(...callers(shed, came * begun, usefulFor))
      yield* turn(each * begun)
      elapsed += each * begun
    }
    return all
  })

  it.effect("a burst of what two thirds of the time suffices for is served whole", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 200, { each: 0.5, came: 1, usefulFor: 1_000 })
      const burst = callers(made.shed, 1_300, 1_000)
      yield* busy(made, 1_000, { each: 0.5, came: 0, usefulFor: 1_000 })
      assert.isTrue(burst.every(({ log }) => log.entered >= 0))
    })
  )

  it.effect("three times the load: as many are served as can be, all in time, and the others are told at once", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      const began = yield* busy(made, 1_100, { each: 0.5, came: 3, usefulFor: 1_000 })
      const firstWaits = began.flatMap(({ log }) => (log.entered >= 0 ? [log.entered] : []))
      assert.isAtMost(Math.max(...firstWaits), worthwhile * 1_000 * 1.02)
      // The long line is worked off; from then on everybody is served as soon as can be.
      yield* busy(made, 1_500, { each: 0.5, came: 3, usefulFor: 1_000 })
      const later = yield* busy(made, 2_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      const served = later.filter(({ log }) => log.entered >= 0)
      const waits = served.map(({ log }) => log.entered)
      assert.isAtMost(Math.max(...waits), standingMillis * 1.1)
      assert.isAtLeast(Math.min(...waits), standingMillis * 0.8)
      const share = (served.length + made.shed.waiting()) / later.length
      assert.isAbove(share, 0.32)
      assert.isBelow(made.shed.waiting() * 0.5, standingMillis * 1.1)
      assert.isTrue(later.every(({ log, place }) => log.refused === 1 || log.entered >= 0 || place.state === "waiting"))
    })
  )

  it.effect("however many are refused in a turn, no more begin after it than after any", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 4_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      const { shed, turn } = made
      assert.isAtLeast(callers(shed, 300, 1_000).filter(({ log }) => log.refused === 1).length, 200)
      const before = shed.inFlight()
      yield* turn(1)
      assert.strictEqual(shed.inFlight() - before, entriesPerTurn)
    })
  )

  it.effect("once it is over, the line is as long as for any burst again, wherever it was cut off", () =>
    Effect.gen(function* () {
      for (let millis = 4_000; millis <= 4_240; millis += 40) {
        const made = yield* make(100_000)
        yield* busy(made, millis, { each: 0.5, came: 3, usefulFor: 1_000 })
        assert.approximately(made.shed.limit() - made.shed.inFlight(), standingMillis / 0.5, 20)
        while (made.shed.waiting() > 0) yield* made.turn(entriesPerTurn * 0.5)
        yield* made.turn(3_600_000)
        assert.isTrue(callers(made.shed, 1_300, 1_000).every(({ log }) => log.refused === 0))
        assert.isFalse(made.loop.isShort)
      }
    })
  )

  it.effect("while it lasts, turns are short, and as many begin in each", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 1_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      assert.isFalse(made.loop.isShort)
      yield* busy(made, 4_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      for (let turns = 0; turns < 5; turns++) {
        const before = made.shed.inFlight()
        yield* made.turn(1)
        assert.strictEqual(made.shed.inFlight() - before, entriesPerTurn)
      }
      assert.isTrue(made.loop.isShort)
    })
  )

  it.effect("ten times the load meets the short line too", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 3_000, { each: 0.5, came: 10, usefulFor: 1_000 })
      assert.approximately(made.shed.waiting(), standingMillis / 0.5, 20)
    })
  )

  it.effect("where very many more are refused than begin, those in line are at least quiet: it stays long", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 3_000, { each: 0.5, came: 30, usefulFor: 1_000 })
      assert.isAbove(made.shed.waiting(), (5 * standingMillis) / 0.5)
    })
  )

  it.effect("the limit follows what gets done: a loop that is four times slower holds a quarter", () =>
    Effect.gen(function* () {
      const made = yield* make(100_000)
      yield* busy(made, 4_000, { each: 0.5, came: 3, usefulFor: 1_000 })
      const fast = made.shed.waiting()
      assert.approximately(fast, standingMillis / 0.5, 20)
      yield* busy(made, 4_000, { each: 2, came: 3, usefulFor: 1_000 })
      assert.approximately(made.shed.waiting(), fast / 4, 10)
    })
  )

  it.effect("a thousand who ask again when they are answered are all served, if it takes them half of their time", () =>
    Effect.gen(function* () {
      const { shed, turn } = yield* make(100_000)
      callers(shed, 1_000, 1_000)
      for (let round = 0; round < 2_000; round++) {
        yield* turn(entriesPerTurn * 0.5)
        // Those who were let in are answered, and come again.
        callers(shed, entriesPerTurn, 1_000)
      }
      assert.strictEqual(shed.shed(), 0)
      assert.approximately(shed.waiting(), 1_000, 2 * entriesPerTurn)
    })
  )

  it.effect("nine hundred who ask again as soon as they hear, at a bad moment, are soon all served", () =>
    Effect.gen(function* () {
      const { loop, shed, turn } = yield* make(100_000)
      let elapsed = 0
      let lastRefusal = 0
      let behind = 0
      let untold = 0
      let coming = Array.from({ length: 900 }, () => 0)
      while (elapsed < 10_000) {
        // Two seconds in which an entry takes ten times as long as later, a refusal an eighth of that; 64 are told a turn.
        // Two fifths of an entry are its beginning. The rest, its answers, is gone on with for half a millisecond a turn.
        const each = elapsed < 2_000 ? 2.5 : 0.25
        const [insideBefore, shedBefore] = [shed.inFlight(), shed.shed()]
        const told = Math.min(64, untold)
        const goneOn = Math.min(behind, 0.5)
        callers(shed, coming.filter((at) => at <= elapsed).length, 1_000)
        loop.isBehind = behind > goneOn
        yield* turn(0)
        if (shed.shed() > shedBefore) lastRefusal = elapsed
        untold += shed.shed() - shedBefore - told
        const begun = shed.inFlight() - insideBefore
        behind += begun * each * 0.6 - goneOn
        // They hear of it five milliseconds later, and are heard after as many; an entry takes fifty.
        const again = [...Array.from({ length: told }, () => 10), ...Array.from({ length: begun }, () => 60)]
        coming = [...coming.filter((at) => at > elapsed), ...again.map((after) => elapsed + after)]
        const millis = Math.max(0.1, begun * each * 0.4 + goneOn + told * 0.03)
        yield* TestClock.adjust(millis)
        elapsed += millis
      }
      assert.isAbove(shed.shed(), 900)
      assert.isBelow(lastRefusal, 4_000)
      assert.isAtLeast(shed.waiting() + coming.length + untold, 900)
    })
  )

  it.effect("who has less time is refused earlier, and who has any amount of it waits", () =>
    Effect.gen(function* () {
      const made = yield* make(4_096)
      yield* busy(made, 1_000, { each: 1, came: 3, usefulFor: 300 })
      assert.approximately(made.shed.waiting(), worthwhile * 300, 10)
      const [hurried, patient] = [callers(made.shed, 1, 200)[0], callers(made.shed, 1, Infinity)[0]]
      assert.strictEqual(hurried?.log.refused, 1)
      assert.strictEqual(patient?.place.state, "waiting")
    })
  )

  it.effect("when it goes slower than it seemed, who waited too long is refused after all", () =>
    Effect.gen(function* () {
      const made = yield* make(4_096)
      const came = callers(made.shed, 100 * entriesPerTurn, 1_000)
      yield* made.turn(tooLate * 1_000 - 1)
      yield* made.turn(2)
      const { entered, refused } = {
        entered: came.filter(({ log }) => log.entered >= 0).length,
        refused: came.filter(({ log }) => log.refused > 0).length
      }
      assert.deepStrictEqual([entered, refused], [2 * entriesPerTurn, 98 * entriesPerTurn])
      assert.deepStrictEqual([made.shed.waiting(), made.shed.shed()], [0, 98 * entriesPerTurn])
    })
  )

  it("who comes while others are let in has not waited, and is let in", () => {
    let now = 1_000
    let turns: Array<() => void> = []
    const waits: Array<number> = []
    const line = new Line({
      most: 100,
      perTurn: 3,
      worthwhile,
      standingMillis,
      tooLate,
      now: () => now,
      afterTurn: (callback) => void turns.push(callback),
      isBehind: () => false,
      shorten: () => {},
      waited: (millis) => void waits.push(millis)
    })
    const log: Array<string> = []
    const come = (name: string, then: () => void = () => {}) =>
      line.arrive({
        usefulFor: () => 1_000,
        enter: () => {
          log.push(name)
          then()
        },
        refuse: () => void log.push(`${name} is refused`)
      })
    for (const name of ["1", "2", "3"]) come(name)
    // Takes a tenth of a millisecond, ends, and comes again; somebody waits behind it all the while.
    const first = come("first", () => {
      now += 0.1
      line.leave(first)
      come("first again")
    })
    come("second")
    for (let round = 0; round < 3; round++) {
      now += 1
      const due = turns
      turns = []
      for (const callback of due) callback()
    }
    assert.deepStrictEqual(log, ["1", "2", "3", "first", "second", "first again"])
    assert.deepStrictEqual(waits, [1, 1, 0])
  })

  it.effect("when it closes, nobody is left standing", () =>
    Effect.gen(function* () {
      const [came, shed] = yield* Effect.scoped(
        Effect.map(make(100), ({ shed }) => [callers(shed, 10, 1_000), shed] as const)
      )
      assert.strictEqual(came.filter(({ log }) => log.refused > 0).length, 10 - entriesPerTurn)
      assert.strictEqual(shed.waiting(), 0)
    })
  )

  it.effect("when it closes while it stands, turns are no longer short", () =>
    Effect.gen(function* () {
      const loop = yield* Effect.scoped(
        Effect.gen(function* () {
          const made = yield* make(100_000)
          yield* busy(made, 4_000, { each: 0.5, came: 3, usefulFor: 1_000 })
          assert.isTrue(made.loop.isShort)
          return made.loop
        })
      )
      assert.isFalse(loop.isShort)
    })
  )
})
