/** The kept results: one file a workload, each comparison with the command, the machine and the date that made it. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine } from "./Machine.ts"
import type { Machine } from "./Machine.ts"
import type { Sample } from "./Measure.ts"
import type { Effort, Round } from "./Pairs.ts"
import type { PeerName } from "./Peers.ts"

export interface Made {
  readonly command: string
  readonly date: string
  readonly machine: Machine
}

export interface Comparison extends Made {
  readonly base: PeerName
  readonly peer: PeerName
  readonly effort: Effort
  readonly rounds: ReadonlyArray<Round>
}

export interface WorkloadResult {
  readonly workload: string
  readonly comparisons: ReadonlyArray<Comparison>
}

export interface Point {
  readonly x: number
  /** What an entry, or a fan-out, costs: microseconds of processor time, one for each round. */
  readonly cost: ReadonlyArray<number>
  readonly samples: ReadonlyArray<Sample>
}

export interface Series extends Made {
  readonly name: string
  readonly points: ReadonlyArray<Point>
}

export interface GrowthResult {
  readonly growth: string
  readonly series: ReadonlyArray<Series>
}

/** The command as a reader would type it. */
const command = () => ["pnpm bench", ...process.argv.slice(2)].join(" ")

export const made = (): Made => ({ command: command(), date: new Date().toISOString(), machine: machine() })

const read = (file: string): unknown => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined)

const write = (file: string, value: unknown) => writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`)

export const readWorkload = (folder: string, name: string) =>
  read(join(folder, `${name}.json`)) as WorkloadResult | undefined

export const readGrowth = (folder: string, name: string) =>
  read(join(folder, `growth-${name}.json`)) as GrowthResult | undefined

/** Puts a comparison in the place of the one of the same peer from before. */
export const keepComparison = (folder: string, workload: string, comparison: Comparison) => {
  mkdirSync(folder, { recursive: true })
  const before = readWorkload(folder, workload)?.comparisons ?? []
  const comparisons = [...before.filter(({ peer }) => peer !== comparison.peer), comparison]
  write(join(folder, `${workload}.json`), { workload, comparisons })
}

export const keepSeries = (folder: string, growth: string, series: Series) => {
  mkdirSync(folder, { recursive: true })
  const before = readGrowth(folder, growth)?.series ?? []
  write(join(folder, `growth-${growth}.json`), {
    growth,
    series: [...before.filter(({ name }) => name !== series.name), series]
  })
}
