/**
 * A fan-out's timeline as lines of text: a row a task, with a bar from its beginning to its end, or to now.
 *
 * Bars are of braille dots: two steps a column, and one column wide everywhere, which block elements are not in terminals
 * set up for Chinese.
 */
import type * as Timeline from "@portico/fanout/Timeline"
import * as Text from "./Text.ts"

/** A timeline at one moment. */
export interface View {
  /** The rows, also of those not yet begun. */
  readonly tasks: ReadonlyArray<string>
  readonly marks: ReadonlyArray<Timeline.Mark>
  readonly nowMillis: number
  /** What a whole bar stands for; stretched when it is later than that. */
  readonly scaleMillis: number
}

/** The view in so many columns: a frame of the animation. No line reaches the last column, where terminals wrap. */
export const frame = (view: View, layout: Text.Layout): ReadonlyArray<string> => {
  const within = layout.columns - 1
  const wording = layout.columns < 60 ? narrow : wide
  const names = Math.max(...view.tasks.map(Text.width))
  const bar = within - names - 2 - wording.columns
  const scale = Math.max(view.scaleMillis, view.nowMillis)
  const rows = view.tasks.map((task) => {
    const mark = markOf(view, task)
    const label = mark === undefined ? "" : labelOf(mark, view.nowMillis, wording)
    if (bar < leastBar) return Text.fit(`${Text.pad(task, names)} ${label}`, within)
    if (mark === undefined) return task
    const style = mark.end === undefined ? "cyan" : styles[mark.end]
    const drawn = barOf(mark.startMillis, mark.endMillis ?? view.nowMillis, scale, bar)
    return `${Text.pad(task, names)} ${Text.paint(layout, style, drawn)} ${Text.paint(layout, style, label)}`
  })
  if (bar < leastBar) return rows
  return [...rows, Text.paint(layout, "dim", `${" ".repeat(names + 1)}${axis(scale, bar)}`.trimEnd())]
}

/** The view without drawing: a line a task. */
export const report = (view: View): ReadonlyArray<string> =>
  view.tasks.map((task) => {
    const mark = markOf(view, task)
    if (mark === undefined) return `  ${task}  not begun`
    const from = Text.seconds(mark.startMillis)
    const to = Text.seconds(mark.endMillis ?? view.nowMillis)
    return `  ${task}  from ${Text.padStart(from, 7)} to ${Text.padStart(to, 7)}  ${wide[mark.end ?? "running"]}`
  })

const leastBar = 4

const wide = { digits: 2, columns: 19, running: "", ok: "done", failed: "failed", interrupted: "interrupted" }
const narrow = { digits: 1, columns: 13, running: "", ok: "done", failed: "failed", interrupted: "cut" }

const styles = { ok: "green", failed: "red", interrupted: "yellow" } as const

const markOf = (view: View, task: string) => view.marks.find((mark) => mark.part === task)

const labelOf = (mark: Timeline.Mark, nowMillis: number, wording: typeof wide) => {
  const took = Text.seconds((mark.endMillis ?? nowMillis) - mark.startMillis, wording.digits)
  return `${Text.padStart(took, 5 + wording.digits)} ${wording[mark.end ?? "running"]}`.trimEnd()
}

/** From and to in half columns; even what took no time shows. */
const barOf = (from: number, to: number, scale: number, columns: number) => {
  const half = (millis: number) => Math.round((millis / scale) * columns * 2)
  const start = Math.min(half(from), columns * 2 - 1)
  const end = Math.max(half(to), start + 1)
  let drawn = ""
  for (let column = 0; column < columns; column++) {
    const left = start <= column * 2 && column * 2 < end
    const right = start <= column * 2 + 1 && column * 2 + 1 < end
    drawn += left ? (right ? "⣿" : "⡇") : right ? "⢸" : " "
  }
  return drawn
}

/** Seconds under the bars: a handful at most, and none that would touch the next. */
const axis = (scale: number, columns: number) => {
  const step =
    1_000 *
    ([1, 5, 10, 50, 100, 500].find((seconds) => scale / (seconds * 1_000) <= Math.min(5, columns / 7)) ?? scale / 1_000)
  let line = ""
  for (let tick = 0; tick <= scale; tick += step) {
    const text = tick + step > scale ? `${tick / 1_000} s` : String(tick / 1_000)
    const at = Math.min(Math.round((tick / scale) * columns), columns - text.length)
    if (line === "" || at > line.length) line = line.padEnd(at) + text
  }
  return line
}
