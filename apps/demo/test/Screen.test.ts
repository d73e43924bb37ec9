import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as Run from "../src/Run.ts"
import * as Screen from "../src/Screen.ts"
import * as Summary from "../src/Summary.ts"
import * as fixture from "./fixture.ts"

const errgroup = Run.all.find((run) => run.name === "3. errgroup, one fails")!

/** What stands on a terminal that obeys cursor up, erase to the end of the line and erase below. */
const screenOf = (written: string) => {
  const lines: Array<string> = [""]
  let at = 0
  // oxlint-disable-next-line no-control-regex -- that is what a terminal obeys
  const obeyed = /\r\u001b\[(\d+)A|(\u001b\[J)|(\u001b\[K|\u001b\[\?25[lh])|(\n|[^\n\r\u001b]+)/g
  for (const [, up, below, end, text] of written.matchAll(obeyed)) {
    if (up !== undefined) at -= Number(up)
    else if (below !== undefined) lines.splice(at + 1)
    else if (text === "\n") lines[++at] ??= ""
    else if (end === undefined) lines[at] = text ?? ""
  }
  return lines
}

const live = (columns: number, rows = 24) => {
  const terminal = fixture.terminal(columns, rows)
  const layer = Screen.layerLive.pipe(Layer.provide(terminal.layer), Layer.provide(fixture.capabilities(false)))
  return { terminal, layer }
}

describe("Screen", () => {
  it.effect("draws the waterfall while it runs, below the lines printed meanwhile", () =>
    Effect.gen(function* () {
      const { layer, terminal } = live(80)
      const fiber = yield* Effect.forkChild(Effect.provide(Run.perform(errgroup), layer), { startImmediately: true })
      yield* TestClock.adjust("1500 millis")
      const running = screenOf(terminal.text())
      assert.include(running, "执行第一个任务")
      assert.match(running.join("\n"), /执行第一个任务\n第一个任务 ⣿+⡇? +1\.00 s done\n第二个任务 ⣿+⡇? +1\.50 s\n/)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const after = screenOf(terminal.text()).slice(-10)
      assert.deepStrictEqual(
        after.map((line) => line.replaceAll(/ +/g, " ")),
        [
          "执行第一个任务",
          "第一个任务 ⣿⣿⣿ 1.00 s done",
          "第二个任务 ⣿⣿⣿⣿⣿⣿⡇ 2.00 s failed",
          "第三个任务 ⣿⣿⣿⣿⣿⣿⡇ 2.00 s interrupted",
          "第四个任务 ⣿⣿⣿⣿⣿⣿⡇ 2.00 s interrupted",
          "第五个任务 ⣿⣿⣿⣿⣿⣿⡇ 2.00 s interrupted",
          " 0 5 10 15 s",
          "2.00 s: 1 done, 1 failed, 3 interrupted",
          "ended by the error: 第二个任务失败",
          ""
        ]
      )
    })
  )

  it.effect("when it is interrupted shows what was cut, and gives the cursor back", () =>
    Effect.gen(function* () {
      const { layer, terminal } = live(80)
      const fiber = yield* Effect.forkChild(Effect.provide(Run.perform(errgroup), layer), { startImmediately: true })
      yield* TestClock.adjust("500 millis")
      assert.strictEqual(terminal.text().lastIndexOf("\u001b[?25h"), -1)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(terminal.text().endsWith("\u001b[?25h"))
      assert.match(screenOf(terminal.text()).join("\n"), /第五个任务 ⣿⡇ +0\.50 s interrupted\n/)
    })
  )

  it.effect("in a terminal with fewer rows than the waterfall never moves the cursor up, and shows it at the end", () =>
    Effect.gen(function* () {
      const { layer, terminal } = live(80, 5)
      yield* fixture.ended(Run.perform(errgroup), layer)
      assert.notInclude(terminal.text(), "\r")
      assert.strictEqual(terminal.text().match(/第五个任务/g)?.length, 1)
    })
  )

  it.effect("breaks paragraphs between words where the terminal is narrow", () =>
    Effect.gen(function* () {
      const { layer, terminal } = live(40)
      yield* fixture.ended(Run.perform(errgroup), layer)
      const lines = screenOf(terminal.text())
      assert.isBelow(Math.max(...fixture.widths(lines)), 40)
      assert.include(lines, "The second fails. That ends it with")
    })
  )
})

describe("Summary", () => {
  const measured = [
    { name: "in turn", wallMillis: 15_000, ends: { ok: 5, failed: 0, interrupted: 0 } },
    { name: "at once", wallMillis: 2_500, ends: { ok: 1, failed: 1, interrupted: 3 } }
  ]

  it("leaves out what does not fit, the walls last", () => {
    const table = (columns: number) => Summary.table(measured, { columns, color: false })
    assert.deepStrictEqual(table(80), [
      "run         wall  speed-up  tasks",
      "in turn  15.00 s      1.0x  5 done",
      "at once   2.50 s         -  1 done, 1 failed, 3 interrupted"
    ])
    assert.deepStrictEqual(table(30), [
      "run         wall  speed-up",
      "in turn  15.00 s      1.0x",
      "at once   2.50 s         -"
    ])
    assert.deepStrictEqual(table(15), ["run       wall", "in tu  15.00 s", "at on   2.50 s"])
  })
})
