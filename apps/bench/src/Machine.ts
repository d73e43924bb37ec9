/** The machine that made a figure, and how its cores are shared: servers on one, load and upstreams on the other. */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { cpus, release, totalmem, type } from "node:os"
import { tools, versions } from "./Tools.ts"

/** The cores that this process may run on: "0-3,6" is 0, 1, 2, 3, 6. */
const allowedCores = (): ReadonlyArray<number> => {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
    return list.split(",").flatMap((range) => {
      const [from = 0, to = from] = range.split("-").map(Number)
      return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    })
  } catch {
    return []
  }
}

export interface Cores {
  readonly server: number
  readonly load: number
}

const choose = (): Cores | undefined => {
  const [server, load] = allowedCores()
  return server === undefined || load === undefined || tools.taskset === undefined ? undefined : { server, load }
}

/** Undefined where there is one core only, or nothing to pin with: then everything shares what there is. */
export const cores = choose()

/** The harness itself belongs to the load: it must not disturb the server that it measures. */
export const pinHarness = () => {
  if (cores === undefined || tools.taskset === undefined) return
  execFileSync(tools.taskset, ["-apc", String(cores.load), String(process.pid)], { stdio: "ignore" })
}

export const machine = () => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: `${type()} ${release()}`,
  pinned: cores === undefined ? "no" : `server on core ${cores.server}, load and upstreams on core ${cores.load}`,
  versions: versions()
})

export type Machine = ReturnType<typeof machine>
