/**
 * The walls of all runs in one table; where the terminal is narrow, without what does not fit.
 */
import * as Run from "./Run.ts"
import * as Text from "./Text.ts"

/** The table, with how many times as fast as the first each run was. */
export const table = (runs: ReadonlyArray<Run.Measured>, layout: Text.Layout): ReadonlyArray<string> => {
  const first = runs[0]?.wallMillis ?? 0
  const rows = [
    ["run", "wall", "speed-up", "tasks"] as const,
    ...runs.map((run) => [run.name, Text.seconds(run.wallMillis), speedUp(run, first), Run.outcome(run)] as const)
  ]
  const columnWidth = (column: 0 | 1 | 2) => Math.max(...rows.map((row) => Text.width(row[column])))
  const within = layout.columns - 1
  const walls = columnWidth(1)
  const names = Math.min(columnWidth(0), within - walls - 2)
  const ratios = columnWidth(2)
  const lines = rows.map(([name, wall, ratio, tasks]) => [
    `${Text.pad(Text.fit(name, names), names)}  ${Text.padStart(wall, walls)}`,
    `  ${Text.padStart(ratio, ratios)}`,
    `  ${tasks}`
  ])
  // As many columns of the table as fit in every row.
  const shown =
    [3, 2].find((columns) => lines.every((line) => Text.width(line.slice(0, columns).join("")) <= within)) ?? 1
  return lines.map((line, index) => {
    const text = line.slice(0, shown).join("")
    return index === 0 ? Text.paint(layout, "bold", text) : text
  })
}

/** Whoever did not do all the work was not faster at it. */
const speedUp = (run: Run.Measured, firstMillis: number) =>
  run.ends.interrupted > 0 ? "-" : `${(firstMillis / run.wallMillis).toFixed(1)}x`
