/** Whether something else uses the cores meanwhile, which no figure survives. */
import { readFileSync } from "node:fs"
import { Effect } from "effect"

const ticksPerSecond = 100

/** Seconds that a core was busy since it started, as the kernel counts them; all cores together without a number. */
export const busySeconds = (core?: number): number => {
  const line = new RegExp(`^cpu${core ?? ""} +(.*)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? ""
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(" ").map(Number)
  return (user + nice + system + irq + softirq + steal) / ticksPerSecond
}

/** Waits until the machine has been nearly idle for a second, at most `seconds`; answers whether it has. */
export const wait = (seconds: number) =>
  Effect.gen(function* () {
    for (let waited = 0; waited < seconds; waited++) {
      const before = busySeconds()
      yield* Effect.sleep("1 second")
      if (busySeconds() - before < 0.2) return true
    }
    return false
  })
