/** The trials as a table to read. */
import * as Statistics from "../Statistics.ts"
import type { Trial } from "./Trial.ts"

const columns = [
  ["load", 6],
  ["offered/s", 10],
  ["goodput/s", 10],
  ["complete", 9],
  ["p50 ms", 8],
  ["p99 ms", 8],
  ["late/s", 8],
  ["shed/s", 8],
  ["p50 ms", 8],
  ["p90 ms", 8],
  ["p99 ms", 8],
  ["< 5 ms", 8],
  ["failed/s", 9],
  ["left/s", 8],
  ["lag ms", 8],
  ["CPU us", 8],
  ["RSS MiB", 8],
  ["disturbed", 10]
] as const

const line = (cells: ReadonlyArray<string>) => cells.map((cell, i) => cell.padStart(columns[i]?.[1] ?? 8)).join("")

const percent = (share: number) => `${Math.round(share * 100)} %`

export const head = (capacity: number, maxInFlight: string) =>
  `\n${maxInFlight === "off" ? "without load shedding" : "with load shedding"}; 1x is ${capacity} entries/s\n` +
  line(columns.map(([name]) => name))

export const row = (factor: number, { outcome, seconds, cpuMicros, residentMiB, disturbed }: Trial) => {
  const perSecond = (count: number) => String(Math.round(count / seconds))
  const millis = (value: number) => (value === 0 ? "-" : value.toFixed(value < 10 ? 1 : 0))
  return line([
    `${factor}x`,
    perSecond(outcome.offered),
    perSecond(outcome.inTime),
    percent(outcome.complete / Math.max(1, outcome.inTime)),
    millis(outcome.p50),
    millis(outcome.p99),
    perSecond(outcome.late),
    perSecond(outcome.shed),
    millis(outcome.shedP50),
    millis(outcome.shedP90),
    millis(outcome.shedP99),
    outcome.shed === 0 ? "-" : percent(outcome.shedSoon / outcome.shed),
    perSecond(outcome.failed),
    perSecond(outcome.lost),
    millis(outcome.lagP99),
    cpuMicros.toFixed(0),
    residentMiB.toFixed(0),
    percent(disturbed)
  ])
}

/** What is promised: goodput at the most load beside the best, and the memory from the first trial to the last. */
export const summary = (trials: ReadonlyArray<Trial>) => {
  const goodput = trials.map(({ outcome, seconds }) => outcome.inTime / seconds)
  const [first, last] = [trials[0]?.residentMiB ?? 0, trials.at(-1)?.residentMiB ?? 0]
  return (
    `goodput at the most load is ${percent((goodput.at(-1) ?? 0) / Math.max(1, ...goodput))} of the best; ` +
    `memory went from ${first.toFixed(0)} to ${last.toFixed(0)} MiB`
  )
}

/** Of several rounds the median, and from the least to the most. */
export const spread = (shares: ReadonlyArray<number>) => {
  const { median, min, max } = Statistics.spread(shares)
  return `${percent(median)} (${percent(min)} to ${percent(max)})`
}
