/** The results as SVG, by Vega-Lite: no browser and no canvas needed. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parse, View } from "vega"
import { compile } from "vega-lite"
import type { TopLevelSpec } from "vega-lite"
import { medians, ratio } from "./Figures.ts"
import type { Figure } from "./Figures.ts"
import type { Measured } from "./Report.ts"

/** Draws one specification into a file of the folder; answers the file's name. */
export const draw = async (folder: string, name: string, spec: TopLevelSpec): Promise<string> => {
  const view = new View(parse(compile(spec).spec), { renderer: "none" })
  const file = `${name}.svg`
  writeFileSync(join(folder, file), `${await view.toSVG()}\n`)
  view.finalize()
  return file
}

/** The paired ratios of one figure: a point for the median, a line from the least to the most. */
const ratios = (all: ReadonlyArray<Measured>, figure: Figure, title: string): TopLevelSpec => {
  const values = all.flatMap(({ workload, comparisons }) =>
    comparisons.map((comparison) => ({
      workload: workload.name,
      peer: comparison.peer,
      ...ratio(comparison, figure)
    }))
  )
  const y = { field: "workload", type: "nominal", title: null, sort: all.map(({ workload }) => workload.name) } as const
  const x = { type: "quantitative", title, scale: { type: "log" } } as const
  const color = { field: "peer", type: "nominal", title: "peer" } as const
  const yOffset = { field: "peer", type: "nominal" } as const
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    width: 520,
    height: { step: 14 },
    data: { values },
    layer: [
      {
        mark: { type: "rule", strokeDash: [4, 4], color: "#888" },
        encoding: { x: { datum: 1, type: "quantitative" } }
      },
      { mark: "rule", encoding: { y, yOffset, color, x: { ...x, field: "min" }, x2: { field: "max" } } },
      { mark: { type: "point", filled: true, size: 50 }, encoding: { y, yOffset, color, x: { ...x, field: "median" } } }
    ]
  }
}

/** What each server was measured at, as bars, in one workload. */
const bars = ({ workload, comparisons }: Measured, figure: Figure, title: string): TopLevelSpec => {
  const base = comparisons[0]
  const values = [
    ...(base === undefined ? [] : [{ peer: base.base, value: medians(base.rounds.map(({ base }) => base))[figure] }]),
    ...comparisons.map(({ peer, rounds }) => ({ peer, value: medians(rounds.map(({ peer }) => peer))[figure] }))
  ]
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    title: `${workload.name}: ${title}`,
    width: 520,
    data: { values },
    mark: "bar",
    encoding: {
      x: { field: "value", type: "quantitative", title },
      y: { field: "peer", type: "nominal", title: null, sort: "-x" },
      color: { field: "peer", type: "nominal", legend: null }
    }
  }
}

export const drawWorkloads = async (folder: string, all: ReadonlyArray<Measured>): Promise<ReadonlyArray<string>> => {
  if (all.length === 0) return []
  const one = all.find(({ workload }) => workload.name === "delayed-1")
  const many = all.find(({ workload }) => workload.name === "delayed-1000")
  return [
    await draw(folder, "throughput", ratios(all, "throughput", "entries a second, of the base's (more is better)")),
    await draw(folder, "cpu", ratios(all, "cpu", "processor time an entry, of the base's (less is better)")),
    await draw(folder, "p99", ratios(all, "p99", "p99, of the base's (less is better)")),
    ...(one === undefined ? [] : [await draw(folder, "latency", bars(one, "p50", "p50, ms"))]),
    ...(many === undefined ? [] : [await draw(folder, "memory", bars(many, "memory", "resident memory, MiB"))])
  ]
}
