import { execFileSync } from "node:child_process"
import { join } from "node:path"
import * as Heap from "@portico/edge/Heap"
import { expect, it } from "vitest"

const node = (...args: ReadonlyArray<string>) =>
  execFileSync(process.execPath, args, { encoding: "utf8", cwd: join(import.meta.dirname, "..") })

it("sets what this V8 knows: one that it does not know would be passed over", () => {
  const known = node("--v8-options")
  for (const flag of Heap.flags) {
    const name = flag.replaceAll(/^--(?:no-)?|=.*$/g, "")
    expect(known).toMatch(new RegExp(`^ +--${name} `, "m"))
  }
})

/**
 * Makes objects that all survive, as those of requests under way do, until one is made old, and says whether one was. It is
 * asked the moment it is made: a full collection makes everything old.
 */
const survivors = `
  const make = (n) => ({ n, rest: [n, n] })
  let kept = []
  let isOld = false
  for (let rounds = 0; rounds < 40 && !isOld; rounds++) {
    kept = []
    for (let i = 0; i < 1_000_000; i++) {
      const made = make(i)
      if (i % 1_000 === 0 && !%InYoungGeneration(made)) isOld = true
      kept.push(made)
    }
  }
  console.log(isOld)
`

const tuned = `
  import { Effect } from "effect"
  import * as Heap from "@portico/edge/Heap"
  Effect.runSync(Heap.tuned)
`

it(
  "is in force from when it is set: what is made stays young, however much of it has survived",
  { timeout: 120_000 },
  () => {
    // Compiled in another thread it may come too late to learn where old is made, on a busy machine.
    const flags = ["--allow-natives-syntax", "--no-concurrent-recompilation", "--input-type=module"]
    const makesOld = (program: string) => node(...flags, "-e", program).trim()
    expect(makesOld(survivors)).toBe("true")
    expect(makesOld(tuned + survivors)).toBe("false")
  }
)
