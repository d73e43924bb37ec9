/** How cost grows, drawn and said in a sentence: linear, less, or more. */
import { medians } from "./Figures.ts"
import { growths } from "./Growth.ts"
import type { Growth } from "./Growth.ts"
import { draw } from "./Plots.ts"
import { readGrowth } from "./Results.ts"
import type { GrowthResult, Made, Series } from "./Results.ts"
import { growthExponent, median } from "./Statistics.ts"

/** Over the upper half of x: what is fixed hides the growth in the lower. */
const exponent = ({ points }: Series) => {
  const upper = points.slice(Math.floor(points.length / 2) - 1)
  return {
    from: upper[0]?.x ?? 0,
    to: upper.at(-1)?.x ?? 0,
    k: growthExponent(upper.map(({ x, cost }) => ({ x, y: median(cost) })))
  }
}

const failures = ({ points }: Series) => {
  const failing = points.flatMap(({ x, samples }) => {
    const total = samples.reduce((sum, { failed, refused }) => sum + failed + refused, 0)
    return total > 0 ? [`${total} at ${x}`] : []
  })
  return failing.length === 0 ? "" : ` Requests without a good answer: ${failing.join(", ")}.`
}

/** One sentence a series: whether the total cost is linear in x. */
const sentence = ({ per, x }: Growth, series: Series) => {
  const { from, to, k } = exponent(series)
  const rounded = k.toFixed(2)
  const limit = per === "entry" ? 0.1 : 1.1
  const verdict = k <= limit ? "linear or less" : "**superlinear**"
  const what = per === "entry" ? "an entry" : "one"
  return `- ${series.name}: from ${from} to ${to} ${x}, the cost of ${what} goes with the power ${rounded}: ${verdict}.${failures(series)}`
}

const plot = (folder: string, growth: Growth, { series }: GrowthResult) => {
  const rows = series.flatMap(({ name, points }) =>
    points.flatMap(({ x, cost, samples }) => {
      const m = medians(samples)
      // On a logarithmic scale there is no zero: where nothing was served there is no point.
      const row = (figure: string, value: number) =>
        Number.isFinite(value) && value > 0 ? [{ name, x, figure, value }] : []
      return [
        ...row("CPU, us", median(cost)),
        ...row("p99, ms", m.p99),
        ...row("entries/s", m.throughput),
        ...row("memory, MiB", m.memory)
      ]
    })
  )
  return draw(folder, `growth-${growth.name}`, {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    data: { values: rows },
    facet: { field: "figure", type: "nominal", title: null },
    columns: 2,
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 300,
      height: 200,
      mark: { type: "line", point: true },
      encoding: {
        x: { field: "x", type: "quantitative", scale: { type: "log" }, title: growth.x },
        y: { field: "value", type: "quantitative", scale: { type: "log" }, title: null },
        color: { field: "name", type: "nominal", title: null }
      }
    }
  })
}

/** The section of the page, with its plots drawn, and what made it. */
export const section = async (
  folder: string
): Promise<{ readonly text: string; readonly made: ReadonlyArray<Made> }> => {
  const blocks: Array<string> = []
  const made: Array<Made> = []
  for (const growth of growths) {
    const result = readGrowth(folder, growth.name)
    if (result === undefined) continue
    const file = await plot(folder, growth, result)
    blocks.push(
      `### ${growth.name}\n`,
      ...result.series.map((series) => sentence(growth, series)),
      `\n![${file}](${file})\n`
    )
    made.push(...result.series)
  }
  return { text: blocks.length === 0 ? "" : ["## How cost grows\n", ...blocks].join("\n"), made }
}
