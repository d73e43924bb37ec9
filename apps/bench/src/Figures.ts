/** From rounds to figures: medians of what each side did, and the spread of the paired ratios. */
import type { Sample } from "./Measure.ts"
import type { Comparison } from "./Results.ts"
import { median, spread } from "./Statistics.ts"
import type { Spread } from "./Statistics.ts"
import type { Bar, Workload } from "./Workloads.ts"

export type Figure = "throughput" | "p50" | "p99" | "cpu" | "memory" | "busy"

export const medians = (samples: ReadonlyArray<Sample>): Readonly<Record<Figure, number>> => {
  const of = (figure: Figure) => median(samples.map((sample) => sample[figure]))
  return {
    throughput: of("throughput"),
    p50: of("p50"),
    p99: of("p99"),
    cpu: of("cpu"),
    memory: of("memory"),
    busy: of("busy")
  }
}

export const ratio = ({ rounds }: Pick<Comparison, "rounds">, figure: Figure): Spread =>
  spread(rounds.map(({ base, peer }) => peer[figure] / base[figure]))

const difference = ({ rounds }: Comparison, figure: Figure): Spread =>
  spread(rounds.map(({ base, peer }) => peer[figure] - base[figure]))

/** A promise held against what was measured. */
export const measured = (bar: Bar, comparison: Comparison, workload: Workload): Spread => {
  if (bar.figure === "overSlowest") {
    return spread(comparison.rounds.map(({ peer }) => peer.p50 - (workload.slowest ?? 0)))
  }
  const { figure } = bar
  if (bar.by === "ratio") return ratio(comparison, figure)
  return bar.by === "difference"
    ? difference(comparison, figure)
    : spread(comparison.rounds.map(({ peer }) => peer[figure]))
}

export const isKept = ({ atLeast, atMost }: Bar, { median }: Spread) =>
  (atLeast === undefined || median >= atLeast) && (atMost === undefined || median <= atMost)
