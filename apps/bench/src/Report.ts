/** The results as one page of markdown: promises first, then a table a workload, then how cost grows. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isKept, measured, medians, ratio } from "./Figures.ts"
import * as Growth from "./GrowthReport.ts"
import { peers } from "./Peers.ts"
import { drawWorkloads } from "./Plots.ts"
import { readWorkload } from "./Results.ts"
import type { Comparison, Made } from "./Results.ts"
import { median } from "./Statistics.ts"
import type { Spread } from "./Statistics.ts"
import { workloads } from "./Workloads.ts"
import type { Bar, Workload } from "./Workloads.ts"

const number = (value: number) =>
  Number.isNaN(value) ? "-" : value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) >= 1000 ? 4 : 3 })

export const spreadText = ({ median, min, max }: Spread) => `${number(median)} (${number(min)}..${number(max)})`

const table = (rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const [head = [], ...body] = rows
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? "---" : "---:"))), ...body.map(line)].join("\n")
}

export interface Measured {
  readonly workload: Workload
  readonly comparisons: ReadonlyArray<Comparison>
}

/** One workload: the base over all its rounds, then each peer with its ratios to the base's rounds beside its own. */
const workloadTable = ({ workload, comparisons }: Measured): string => {
  const head = [
    "peer",
    "entries/s",
    "of base",
    "p50 ms",
    "p99 ms",
    "p99 of base",
    "CPU us",
    "CPU of base",
    "MiB",
    "core"
  ]
  const plain = ({ throughput, p50, p99, cpu, memory, busy }: ReturnType<typeof medians>) => ({
    throughput: number(throughput),
    p50: number(p50),
    p99: number(p99),
    cpu: number(cpu),
    memory: number(memory),
    busy: `${Math.round(busy * 100)} %`
  })
  const bases = [...new Set(comparisons.map(({ base }) => base))].map((name) => {
    const rounds = comparisons.filter(({ base }) => base === name).flatMap(({ rounds }) => rounds)
    const m = plain(medians(rounds.map(({ base }) => base)))
    return [`${name} (base)`, m.throughput, "1", m.p50, m.p99, "1", m.cpu, "1", m.memory, m.busy]
  })
  const others = comparisons.map((comparison) => {
    const m = plain(medians(comparison.rounds.map(({ peer }) => peer)))
    const [throughput, p99, cpu] = (["throughput", "p99", "cpu"] as const).map((f) => spreadText(ratio(comparison, f)))
    const name = workload.batching?.includes(comparison.peer) ? `${comparison.peer}, batching` : comparison.peer
    return [name, m.throughput, throughput ?? "", m.p50, m.p99, p99 ?? "", m.cpu, cpu ?? "", m.memory, m.busy]
  })
  return table([head, ...bases, ...others])
}

const barText = ({ figure, by, atLeast, atMost }: Bar, base: string) => {
  const names = {
    throughput: "entries/s",
    p50: "p50",
    p99: "p99",
    overSlowest: "p50 over the slowest upstream",
    memory: "resident memory"
  }
  const limit = [atLeast === undefined ? [] : `at least ${atLeast}`, atMost === undefined ? [] : `at most ${atMost}`]
    .flat()
    .join(", ")
  const unit = figure === "memory" ? " MiB" : figure === "throughput" ? "" : " ms"
  if (by === "value") return `${names[figure]} ${limit}${unit}`
  return by === "ratio" ? `${names[figure]} ${limit} of ${base}` : `${names[figure]} over ${base} ${limit}${unit}`
}

const promises = (all: ReadonlyArray<Measured>) => {
  const rows = all.flatMap(({ workload, comparisons }) =>
    workload.bars.flatMap((bar) => {
      const comparison = comparisons.find(({ peer }) => peer === bar.peer)
      if (comparison === undefined) return []
      const found = measured(bar, comparison, workload)
      return [
        [
          workload.name,
          `${bar.peer}: ${barText(bar, comparison.base)}`,
          spreadText(found),
          isKept(bar, found) ? "yes" : "**no**"
        ]
      ]
    })
  )
  return table([["workload", "promise", "measured", "kept"], ...rows])
}

/** What fetching one after the other costs: the sum of the upstreams against the slowest. */
const serial = (all: ReadonlyArray<Measured>) => {
  const comparisons = all.find(({ workload }) => workload.name === "delayed-1")?.comparisons ?? []
  const php = comparisons.find(({ peer }) => peer === "php")
  const portico = comparisons.find(({ peer }) => peer === "portico")
  if (php === undefined || portico === undefined) return ""
  const p50 = ({ rounds }: Comparison) => median(rounds.map(({ peer }) => peer.p50))
  return (
    `One client, upstreams of 10 to 50 ms: serial PHP answers in ${number(p50(php))} ms, portico in ` +
    `${number(p50(portico))} ms: ${number(p50(php) / p50(portico))} times (the sum over the slowest is 3).\n`
  )
}

const provenance = (all: ReadonlyArray<Made>) => {
  const lines = all.map(({ command, date, machine: m }) => {
    const versions = Object.entries(m.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")
    return (
      `- \`${command}\`, ${date.slice(0, 10)}: ${m.cpu}, ${m.cores} cores, ${m.memoryGiB} GiB, ${m.kernel}; ` +
      `${m.pinned}; ${versions}`
    )
  })
  return [...new Set(lines)].join("\n")
}

/** Writes `README.md` and the plots from all results kept in the folder. */
export const write = async (folder: string) => {
  mkdirSync(folder, { recursive: true })
  const all = workloads
    .map((workload) => ({ workload, comparisons: readWorkload(folder, workload.name)?.comparisons ?? [] }))
    .filter(({ comparisons }) => comparisons.length > 0)
  const plots = await drawWorkloads(folder, all)
  const growth = await Growth.section(folder)
  const sections = all.map((measured) => {
    const { workload, comparisons } = measured
    const { rounds, seconds } = comparisons[0]?.effort ?? { rounds: 0, seconds: 0 }
    const effort = `${workload.clients} clients, ${rounds} paired rounds of ${seconds} s.`
    return `### ${workload.name}\n${workload.about}. ${effort}\n\n${workloadTable(measured)}\n`
  })
  const text = [
    "# Results\n",
    "Made by `pnpm bench`; do not edit. Ratios are medians of paired rounds (least..most); a host's figures move, the",
    "ratios are what to read. `core`: how much of its core the server used; where it is far under 100 % the load or the",
    "upstreams were the limit, and CPU an entry is the fairer ratio.\n",
    ...(all.length === 0 ? [] : ["## Promises\n", promises(all), "", serial(all)]),
    ...plots.map((plot) => `![${plot}](${plot})`),
    "\n## Workloads\n",
    ...sections,
    growth.text,
    "## Peers\n",
    ...Object.entries(peers).map(([name, { about }]) => `- ${name}: ${about}`),
    "\n## Made by\n",
    provenance([...all.flatMap(({ comparisons }) => comparisons), ...growth.made]),
    ""
  ]
  writeFileSync(join(folder, "README.md"), text.join("\n"))
}
