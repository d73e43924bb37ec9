import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import type { Scheduler } from "effect"
import * as Alarm from "../src/Alarm.ts"
import * as Backlog from "../src/Backlog.ts"

/** A loop and a clock that the test turns: what is done takes as long as it says. */
const played = Effect.map(Clock.Clock, (real) => {
  let millis = 0
  let scheduled: Array<() => void> = []
  const clock: Clock.Clock = Object.assign(Object.create(real), {
    currentTimeMillisUnsafe: () => Math.floor(millis),
    monotonicTimeNanosUnsafe: () => BigInt(Math.round(millis * 1e6))
  })
  const scheduler: Scheduler.Scheduler = {
    executionMode: "async",
    shouldYield: () => false,
    makeDispatcher: () => ({ scheduleTask: (task) => void scheduled.push(task), flush: () => {} })
  }
  const turn = () => {
    const due = scheduled
    scheduled = []
    for (const task of due) task()
  }
  const log: Array<string> = []
  const timekeeper = { clock, scheduler }
  return {
    timekeeper,
    log,
    turn,
    isTurning: () => scheduled.length > 0,
    pass: (of: number) => {
      millis += of
    },
    /** Something to go on with that takes so long. */
    goOn: (name: string, of: number, then: () => void = () => {}) =>
      Backlog.goOn(timekeeper, {
        goOn: () => {
          log.push(name)
          millis += of
          then()
        }
      })
  }
})

const names = (count: number) => Array.from({ length: count }, (_, index) => `${index}`)

describe("Backlog", () => {
  it.effect("goes on at once for its share of a turn, and with the rest in turns to come, in order", () =>
    Effect.gen(function* () {
      const { goOn, isTurning, log, timekeeper, turn } = yield* played
      for (const name of names(10)) goOn(name, 0.4)
      assert.deepStrictEqual(log, names(3))
      assert.isTrue(Backlog.isBehind(timekeeper.clock))
      turn()
      assert.deepStrictEqual(log, names(6))
      goOn("10", 0.4)
      turn()
      turn()
      assert.deepStrictEqual(log, names(11))
      assert.isFalse(Backlog.isBehind(timekeeper.clock))
      assert.isFalse(isTurning())
    })
  )

  it.effect("where turns are to be short it goes on at their end, and for half as long, until they are not", () =>
    Effect.gen(function* () {
      const { goOn, log, timekeeper, turn } = yield* played
      goOn("before", 0.1)
      Backlog.shorten(timekeeper.clock, true)
      for (const name of names(10)) goOn(name, 0.4)
      assert.deepStrictEqual(log, ["before"])
      turn()
      assert.deepStrictEqual(log, ["before", ...names(2)])
      Backlog.shorten(timekeeper.clock, false)
      turn()
      assert.deepStrictEqual(log, ["before", ...names(5)])
    })
  )

  it.effect("where turns are to be short and the loop does not come round, it goes on all the same after a while", () =>
    Effect.gen(function* () {
      const { goOn, log, pass, timekeeper } = yield* played
      goOn("before", 0.1)
      Backlog.shorten(timekeeper.clock, true)
      goOn("0", 0.4)
      pass(5)
      goOn("1", 0.4)
      assert.deepStrictEqual(log, ["before"])
      pass(6)
      goOn("2", 0.4)
      assert.deepStrictEqual(log, ["before", "0", "1"])
    })
  )

  it.effect("whoever has little to go on with never waits, and nothing turns for it", () =>
    Effect.gen(function* () {
      const { goOn, isTurning, log, pass } = yield* played
      for (const name of names(100)) {
        goOn(name, 0.3)
        pass(1)
        assert.strictEqual(log.at(-1), name)
      }
      assert.isFalse(isTurning())
    })
  )

  it.effect("goes on for another share where the loop does not come round", () =>
    Effect.gen(function* () {
      const { goOn, log, pass } = yield* played
      for (const name of names(60)) {
        goOn(name, 0.5)
        pass(0.5)
      }
      // A millisecond of every three.
      assert.isAtLeast(log.length, 30)
      assert.deepStrictEqual(log, names(log.length))
    })
  )

  it.effect("what a task brings with it is put behind the others", () =>
    Effect.gen(function* () {
      const { goOn, log, turn } = yield* played
      goOn("long", 2)
      goOn("first", 0.1, () => goOn("brought", 0.1))
      goOn("second", 0.1)
      turn()
      turn()
      assert.deepStrictEqual(log, ["long", "first", "second", "brought"])
    })
  )

  it.effect("what waits for a scheduler that turns no more is gone on with by whoever comes next", () =>
    Effect.gen(function* () {
      const { goOn, log, pass, timekeeper } = yield* played
      goOn("long", 2)
      goOn("first", 0.1)
      assert.deepStrictEqual(log, ["long"])
      let due: Array<() => void> = []
      const scheduler: Scheduler.Scheduler = {
        executionMode: "async",
        shouldYield: () => false,
        makeDispatcher: () => ({ scheduleTask: (task) => void due.push(task), flush: () => {} })
      }
      Backlog.goOn({ ...timekeeper, scheduler }, { goOn: () => void log.push("second") })
      pass(0.1)
      for (const task of due) task()
      assert.deepStrictEqual(log, ["long", "first", "second"])
    })
  )

  it.effect("one that throws, which it should not, keeps no other from its turn, and nothing is done twice", () =>
    Effect.gen(function* () {
      const { goOn, isTurning, log, timekeeper, turn } = yield* played
      for (const name of ["long", "first", "broken", "last"]) {
        goOn(name, name === "long" ? 2 : 0.1, () => {
          if (name === "broken") throw new Error("a bug")
        })
      }
      assert.throws(turn, "a bug")
      assert.isTrue(isTurning())
      turn()
      assert.deepStrictEqual(log, ["long", "first", "broken", "last"])
      assert.isFalse(Backlog.isBehind(timekeeper.clock))
    })
  )

  it.effect.prop(
    "whatever comes and however long it takes, all is done once, in the order in which it came",
    {
      steps: Schema.Array(
        Schema.Struct({
          takes: Schema.Literals([0, 0.2, 0.7, 4]),
          brings: Schema.Boolean,
          next: Schema.Literals(["nothing", "turn", "pass"])
        })
      )
    },
    ({ steps }) =>
      Effect.gen(function* () {
        const { goOn, isTurning, log, pass, timekeeper, turn } = yield* played
        const came: Array<string> = []
        const come = (name: string, takes: number, then?: () => void) => {
          came.push(name)
          goOn(name, takes, then)
        }
        steps.forEach(({ takes, brings, next }, index) => {
          come(`${index}`, takes, brings ? () => come(`${index}'`, takes) : undefined)
          if (next === "turn") turn()
          if (next === "pass") pass(1.5)
          assert.strictEqual(Backlog.isBehind(timekeeper.clock), log.length < came.length)
          // What is not done will be.
          assert.isTrue(isTurning() || log.length === came.length)
        })
        for (let turns = 0; isTurning() && turns < 1_000; turns++) turn()
        assert.deepStrictEqual(log, came)
      }),
    { arbitrary: { runs: 500, size: 30 } }
  )

  it.live("a patient alarm rings behind what was read before it", () =>
    Effect.gen(function* () {
      const timekeeper = yield* Effect.withFiber((fiber) => Effect.succeed(Alarm.timekeeper(fiber)))
      const rang = yield* Effect.callback<ReadonlyArray<string>>((resume) => {
        const log: Array<string> = []
        const busy = (millis: number) => {
          const until = performance.now() + millis
          while (performance.now() < until);
        }
        const work = (name: string, millis: number) =>
          Backlog.goOn(timekeeper, {
            goOn: () => {
              log.push(name)
              busy(millis)
            }
          })
        Alarm.setPatient(timekeeper, timekeeper.clock.currentTimeMillisUnsafe() + 5, {
          ring: () => {
            log.push("alarm")
            resume(Effect.succeed(log))
          }
        })
        while (!Backlog.isBehind(timekeeper.clock)) work("before", Backlog.share)
        for (const name of names(10)) work(name, 10)
      })
      assert.deepStrictEqual(
        rang.filter((name) => name !== "before"),
        [...names(10), "alarm"]
      )
    })
  )
})
