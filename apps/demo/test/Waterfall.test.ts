import { assert, describe, it } from "@effect/vitest"
import type * as Timeline from "@portico/fanout/Timeline"
import * as Waterfall from "../src/Waterfall.ts"
import * as fixture from "./fixture.ts"

const mark = (part: string, startMillis: number, endMillis?: number, end?: Timeline.Mark["end"]): Timeline.Mark => ({
  part,
  startMillis,
  endMillis,
  end,
  provenance: "fetched"
})

const tasks = ["第一个任务", "第二个任务", "第三个任务", "第四个任务"]
const marks = [
  mark("第一个任务", 0, 1_000, "ok"),
  mark("第二个任务", 1_000, 3_000, "failed"),
  mark("第三个任务", 0, 3_000, "interrupted")
]
const view = (nowMillis: number): Waterfall.View => ({ tasks, marks, nowMillis, scaleMillis: 15_000 })
const plain = (columns: number) => ({ columns, color: false })

describe("Waterfall", () => {
  it("draws a row a task in a wide terminal, each bar from its beginning to its end", () => {
    assert.deepStrictEqual(Waterfall.frame(view(3_000), plain(63)), [
      "第一个任务 ⣿⣿                               1.00 s done",
      "第二个任务   ⣿⣿⣿⣿                           2.00 s failed",
      "第三个任务 ⣿⣿⣿⣿⣿⣿                           3.00 s interrupted",
      "第四个任务",
      "           0         5          10    15 s"
    ])
  })

  it("says less in a narrow terminal", () => {
    assert.deepStrictEqual(Waterfall.frame(view(3_000), plain(41)), [
      "第一个任务 ⣿                1.0 s done",
      "第二个任务  ⣿⣿              2.0 s failed",
      "第三个任务 ⣿⣿⣿              3.0 s cut",
      "第四个任务",
      "           0         10 s"
    ])
    assert.deepStrictEqual(Waterfall.frame(view(3_000), plain(27)), [
      "第一个任务  1.0 s done",
      "第二个任务  2.0 s failed",
      "第三个任务  3.0 s cut",
      "第四个任务 "
    ])
  })

  it("never reaches the last column, whatever the width, though a Chinese character takes two", () => {
    for (let columns = 8; columns <= 200; columns++) {
      for (const now of [0, 3_000, 15_000, 123_456]) {
        for (const color of [true, false]) {
          const widest = Math.max(...fixture.widths(Waterfall.frame(view(now), { columns, color })))
          assert.isBelow(widest, columns, `${columns} columns at ${now} ms`)
        }
      }
    }
  })

  it("lets the bar of a running task grow by half columns", () => {
    const bars = [0, 500, 1_000, 2_000, 15_000].map((nowMillis) => {
      const running = { tasks: ["一"], marks: [mark("一", 0)], nowMillis, scaleMillis: 15_000 }
      return Waterfall.frame(running, plain(40))[0]?.trimEnd()
    })
    assert.deepStrictEqual(bars, [
      "一 ⡇                       0.0 s",
      "一 ⡇                       0.5 s",
      "一 ⣿⡇                      1.0 s",
      "一 ⣿⣿⣿                     2.0 s",
      "一 ⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ 15.0 s"
    ])
  })

  it("colours how a task ended, and only where there are colours", () => {
    const [done, failed, cut] = Waterfall.frame(view(3_000), { columns: 80, color: true })
    assert.include(done, "\u001b[32m")
    assert.include(failed, "\u001b[31m")
    assert.include(cut, "\u001b[33m")
    assert.notInclude(Waterfall.frame(view(3_000), plain(80)).join(""), "\u001b")
  })

  it("stretches the scale when it takes longer than that", () => {
    const [row] = Waterfall.frame(
      { tasks: ["一"], marks: [mark("一", 15_000, 30_000, "ok")], nowMillis: 30_000, scaleMillis: 15_000 },
      plain(40)
    )
    assert.strictEqual(row, "一            ⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿ 15.0 s done")
  })
})
