import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Demo from "../src/Demo.ts"
import * as Run from "../src/Run.ts"
import * as Screen from "../src/Screen.ts"
import * as Speed from "../src/Speed.ts"
import * as fixture from "./fixture.ts"

const named = (name: string) => {
  const run = Run.all.find((run) => run.name === name)
  if (run === undefined) throw new Error(`no run ${name}`)
  return run
}

/** Performs the run of that name in virtual time: what was measured, and the lines after its two of heading. */
const perform = (name: string) =>
  Effect.gen(function* () {
    const terminal = fixture.terminal(80)
    const measured = yield* fixture.ended(
      Run.perform(named(name)),
      Screen.layerPlain.pipe(Layer.provide(terminal.layer))
    )
    const [blank, title, about, ...lines] = terminal.text().trimEnd().split("\n")
    assert.deepStrictEqual([blank, title], ["", name])
    assert.strictEqual(about, named(name).about)
    const printed = terminal.writes.filter(({ text }) => text.startsWith("执行"))
    return { measured, lines, printed: printed.map(({ millis, text }) => `${millis} ${text.trimEnd()}`) }
  })

const settled = [
  "  第一个任务  from  0.00 s to  1.00 s  done",
  "  第二个任务  from  0.00 s to  2.00 s  done",
  "  第三个任务  from  0.00 s to  3.00 s  done",
  "  第四个任务  from  0.00 s to  4.00 s  done",
  "  第五个任务  from  0.00 s to  5.00 s  done"
]
const texts = ["执行第一个任务", "执行第二个任务", "执行第三个任务", "执行第四个任务", "执行第五个任务"]
const atTheirSecond = texts.map((text, index) => `${(index + 1) * 1_000} ${text}`)

describe("Demo", () => {
  it.effect("in turn the five tasks take 15 s, each beginning when the one before has ended", () =>
    Effect.gen(function* () {
      const { lines, measured, printed } = yield* perform("1. serial")
      assert.strictEqual(measured.wallMillis, 15_000)
      assert.deepStrictEqual(lines, [
        ...texts,
        "  第一个任务  from  0.00 s to  1.00 s  done",
        "  第二个任务  from  1.00 s to  3.00 s  done",
        "  第三个任务  from  3.00 s to  6.00 s  done",
        "  第四个任务  from  6.00 s to 10.00 s  done",
        "  第五个任务  from 10.00 s to 15.00 s  done",
        "15.00 s: 5 done"
      ])
      assert.deepStrictEqual(
        printed,
        texts.map((text, index) => `${[1, 3, 6, 10, 15][index]}000 ${text}`)
      )
    })
  )

  it.effect("as a WaitGroup or as an errgroup they take 5 s, each printing at its own second", () =>
    Effect.gen(function* () {
      for (const name of ["2. WaitGroup: settle", "3. errgroup: failFast"]) {
        const { lines, measured, printed } = yield* Effect.provide(perform(name), TestClock.layer())
        assert.strictEqual(measured.wallMillis, 5_000)
        assert.deepStrictEqual(lines, [...texts, ...settled, "5.00 s: 5 done"])
        assert.deepStrictEqual(printed, atTheirSecond)
      }
    })
  )

  it.effect("as a WaitGroup a failing second task is kept as an error, and the others run to their end", () =>
    Effect.gen(function* () {
      const { lines, measured, printed } = yield* perform("2. WaitGroup, one fails")
      assert.strictEqual(measured.wallMillis, 5_000)
      assert.deepStrictEqual(lines, [
        ...texts.filter((text) => text !== "执行第二个任务"),
        ...settled.with(1, "  第二个任务  from  0.00 s to  2.00 s  failed"),
        "5.00 s: 4 done, 1 failed",
        "kept error: 第二个任务失败"
      ])
      assert.deepStrictEqual(printed, atTheirSecond.toSpliced(1, 1))
    })
  )

  it.effect("as an errgroup a failing second task ends it at 2 s, and the three at work are interrupted", () =>
    Effect.gen(function* () {
      const { lines, measured, printed } = yield* perform("3. errgroup, one fails")
      assert.strictEqual(measured.wallMillis, 2_000)
      assert.deepStrictEqual(measured.ends, { ok: 1, failed: 1, interrupted: 3 })
      assert.deepStrictEqual(lines, [
        "执行第一个任务",
        "  第一个任务  from  0.00 s to  1.00 s  done",
        "  第二个任务  from  0.00 s to  2.00 s  failed",
        "  第三个任务  from  0.00 s to  2.00 s  interrupted",
        "  第四个任务  from  0.00 s to  2.00 s  interrupted",
        "  第五个任务  from  0.00 s to  2.00 s  interrupted",
        "2.00 s: 1 done, 1 failed, 3 interrupted",
        "ended by the error: 第二个任务失败"
      ])
      // A minute later the interrupted ones have still printed nothing.
      assert.deepStrictEqual(printed, ["1000 执行第一个任务"])
    })
  )

  it.effect(
    "tasks made in a loop keep their own variable, where one shared variable gives the last task five times",
    () =>
      Effect.gen(function* () {
        const own = yield* Effect.provide(perform("4. loop, own variable"), TestClock.layer())
        assert.deepStrictEqual(own.printed, atTheirSecond)
        const shared = yield* Effect.provide(perform("4. loop, shared variable"), TestClock.layer())
        assert.deepStrictEqual(shared.printed, Array(5).fill("5000 执行第五个任务"))
      })
  )

  it.effect("ends with the measured walls of every run side by side", () =>
    Effect.gen(function* () {
      const terminal = fixture.terminal(80)
      yield* fixture.ended(Demo.program, Screen.layerPlain.pipe(Layer.provide(terminal.layer)))
      assert.deepStrictEqual(terminal.text().trimEnd().split("\n").slice(-8), [
        "run                          wall  speed-up  tasks",
        "1. serial                 15.00 s      1.0x  5 done",
        "2. WaitGroup: settle       5.00 s      3.0x  5 done",
        "2. WaitGroup, one fails    5.00 s      3.0x  4 done, 1 failed",
        "3. errgroup: failFast      5.00 s      3.0x  5 done",
        "3. errgroup, one fails     2.00 s         -  1 done, 1 failed, 3 interrupted",
        "4. loop, own variable      5.00 s      3.0x  5 done",
        "4. loop, shared variable   5.00 s      3.0x  5 done"
      ])
    })
  )

  it.effect("at ten times the speed 5 s are shown after half a second", () =>
    Effect.gen(function* () {
      const terminal = fixture.terminal(80)
      const fiber = yield* Run.perform(named("3. errgroup: failFast")).pipe(
        Speed.times(10),
        Effect.provide(Screen.layerPlain.pipe(Layer.provide(terminal.layer))),
        Effect.forkChild({ startImmediately: true })
      )
      yield* TestClock.adjust("499 millis")
      assert.isUndefined(fiber.pollUnsafe())
      assert.notInclude(terminal.text(), "执行第五个任务")
      yield* TestClock.adjust("1 millis")
      const measured = yield* Fiber.join(fiber)
      assert.strictEqual(measured.wallMillis, 5_000)
      assert.include(terminal.text(), "5.00 s: 5 done")
    })
  )
})
