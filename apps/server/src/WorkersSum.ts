/**
 * The numbers of several processes as those of one service: their texts for Prometheus, added up series by series.
 *
 * - Counters and histograms are sums: so many entries were served, by whomever.
 * - Gauges are sums as well: so many calls are under way, so much memory is used. What is a state and no amount has a name
 *   that ends in `_state`, and is the greatest of all: the circuit counts as open while one worker's is, because that
 *   worker's viewers miss something.
 *
 * No series gets a label for its worker: the names are the same with one process and with ten, so that dashboards and
 * alerts do not change with the number; and which worker a client meets is chance, so it explains nothing.
 *
 * It reads what Effect writes: no time stamps, every family with its type in front of its series, and no summaries, whose
 * quantiles cannot be added.
 */
interface Family {
  /** Its `# HELP` and `# TYPE` lines. */
  readonly head: ReadonlyArray<string>
  readonly type: string
  readonly series: Map<string, number>
}

/** Families by name. */
export type Sum = ReadonlyMap<string, Family>

export const empty: Sum = new Map()

export const parse = (text: string): Sum => {
  const families = new Map<string, Family>()
  let help: ReadonlyArray<string> = []
  let series = new Map<string, number>()
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) {
      help = [line]
    } else if (line.startsWith("# TYPE ")) {
      const [name = "", type = ""] = line.slice(7).split(" ")
      series = new Map()
      families.set(name, { head: [...help, line], type, series })
      help = []
    } else if (line !== "") {
      const space = line.lastIndexOf(" ")
      series.set(line.slice(0, space), numberOf(line.slice(space + 1)))
    }
  }
  return families
}

export const add = (sums: Iterable<Sum>): Sum => {
  const total = new Map<string, Family>()
  for (const sum of sums) {
    for (const [name, { head, type, series }] of sum) {
      let family = total.get(name)
      if (family === undefined) {
        family = { head, type, series: new Map() }
        total.set(name, family)
      }
      for (const [key, value] of series) {
        const before = family.series.get(key)
        const both = before === undefined ? value : name.endsWith("_state") ? Math.max(before, value) : before + value
        family.series.set(key, both)
      }
    }
  }
  return total
}

/** What stays true of a process that has ended: what it has counted. It holds no memory and has nothing under way. */
export const counted = (sum: Sum): Sum => new Map([...sum].filter(([, { type }]) => type !== "gauge"))

export const format = (sum: Sum): string => {
  const lines: Array<string> = []
  for (const { head, series } of sum.values()) {
    lines.push(...head)
    for (const [key, value] of series) lines.push(`${key} ${textOf(value)}`)
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`
}

const numberOf = (text: string) => (text === "+Inf" ? Infinity : text === "-Inf" ? -Infinity : Number(text))

const textOf = (value: number) => (value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value))
