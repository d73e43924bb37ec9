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

/** Makes objects that all survive, as those of requests under way do, and says whether the last are made young or old. */
const survivors = `
  const make = (n) => ({ n, rest: [n, n] })
  let kept = []
  const round = () => { kept = []; for (let i = 0; i < 1_000_000; i++) kept.push(make(i)) }
  for (let rounds = 0; rounds < 30; rounds++) round()
  let young = 0
  for (let rounds = 0; rounds < 10; rounds++) { round(); if (%InYoungGeneration(kept.at(-1))) young++ }
  console.log(young)
`

const tuned = `
  import { Effect } from "effect"
  import * as Heap from "@portico/edge/Heap"
  Effect.runSync(Heap.tuned)
`

it(
  "is in force from when it is set: what is made stays young, however much of it has survived",
  { timeout: 60_000 },
  () => {
    const made = (program: string) => Number(node("--allow-natives-syntax", "--input-type=module", "-e", program))
    expect(made(survivors)).toBe(0)
    expect(made(tuned + survivors)).toBe(10)
  }
)
