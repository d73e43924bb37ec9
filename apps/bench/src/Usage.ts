/** What a server and its children use, as the kernel tells it: processor time and resident memory. */
import { readFileSync } from "node:fs"

const ticksPerSecond = 100

export interface Usage {
  readonly cpuSeconds: number
  readonly residentMiB: number
}

const read = (path: string) => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

const family = (pid: number): ReadonlyArray<number> => {
  const children = read(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number)
  return [pid, ...children.flatMap(family)]
}

const cpuOf = (pid: number) => {
  // The name, in parentheses, may hold spaces: the fields are counted from after it.
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond
}

const residentOf = (pid: number) => Number(/^VmRSS:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024

/** Of some processes and all their descendants. Pages that forked children share are counted once for each. */
export const usage = (roots: ReadonlyArray<number>): Usage => {
  const pids = roots.flatMap(family)
  const sum = (of: (pid: number) => number) => pids.reduce((total, pid) => total + of(pid), 0)
  return { cpuSeconds: sum(cpuOf), residentMiB: sum(residentOf) }
}
