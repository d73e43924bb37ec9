import { execFile } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Run from "../src/Run.ts"

const script = new URL("../src/main.ts", import.meta.url).pathname

/** The program as a process of its own, to its end. */
const run = (...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = execFile(
      process.execPath,
      [script, ...args],
      { env: { PATH: process.env["PATH"] } },
      (_, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, output: stdout + stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const texts = ["执行第一个任务", "执行第二个任务", "执行第三个任务", "执行第四个任务", "执行第五个任务"]

describe("main", () => {
  it.live("without a terminal prints plain lines, and five at once take less time than five in turn", () =>
    Effect.gen(function* () {
      const { code, output } = yield* run("--speed", "50")
      assert.strictEqual(code, 0)
      assert.notInclude(output, "\u001b")

      const lines = output.split("\n")
      const starts = Run.all.map((run) => lines.indexOf(run.name))
      assert.notInclude(starts, -1)
      const printed = starts.map((start, index) =>
        lines.slice(start, starts[index + 1]).filter((line) => line.startsWith("执行"))
      )
      const [serial, settled, kept, failFast, failed = [], own, shared] = printed
      for (const all of [serial, settled, failFast, own]) assert.deepStrictEqual(all, texts)
      assert.deepStrictEqual(kept, texts.toSpliced(1, 1))
      assert.strictEqual(failed[0], texts[0])
      assert.notInclude(failed, "执行第二个任务")
      assert.include(lines, "ended by the error: 第二个任务失败")
      assert.deepStrictEqual(shared, Array(5).fill("执行第五个任务"))

      const [inTurn = NaN, ...rest] = Run.all.map(({ name }) => {
        const row = lines.find((line) => line.startsWith(name) && line !== name) ?? ""
        return Number(/ ([\d.]+) s /.exec(row)?.[1])
      })
      assert.isAtLeast(inTurn, 14.9)
      // A tenth of a second of a busy machine counts as five here.
      for (const [index, wall] of rest.entries()) {
        assert.isAtLeast(wall, index === 3 ? 1.9 : 4.9)
        assert.isBelow(wall, inTurn * 0.8)
      }
    })
  )

  it.live("a speed that is none is refused, saying what it should be", () =>
    Effect.gen(function* () {
      for (const speed of ["0", "-1", "Infinity", "fast"]) {
        const { code, output } = yield* run("--speed", speed)
        assert.strictEqual(code, 1)
        assert.match(output, /Invalid value for flag --speed: .*(a number above 0 and at most 1000|finite number)/)
        assert.notInclude(output, "    at ")
      }
    })
  )
})
