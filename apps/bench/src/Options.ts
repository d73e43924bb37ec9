/** What the command line asks for. */
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import type { Effort } from "./Pairs.ts"

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    dry: { type: "boolean", default: false },
    workload: { type: "string", default: "" },
    peer: { type: "string", default: "" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    "warm-up": { type: "string" },
    out: { type: "string", default: join(import.meta.dirname, "../results") }
  }
})

const list = (text: string) => text.split(",").filter(Boolean)

const whole = (name: string, text: string | undefined, instead: number) => {
  const value = Number(text ?? instead)
  if (!Number.isInteger(value) || value < 1) throw new TypeError(`--${name} is a whole number from 1, not "${text}"`)
  return value
}

export const command = positionals[0] ?? "compare"

/** CI's form: few seconds, nothing kept, and only the gross is a failure. */
export const short = flags.short

/** Names of workloads (or growths) and of peers; none is all. */
export const only = { workloads: list(flags.workload), peers: list(flags.peer) }

export const isAsked = (names: ReadonlyArray<string>, name: string) => names.length === 0 || names.includes(name)

export const out = resolve(flags.out)
export const keeps = !flags.short && !flags.dry

export const effort: Effort = {
  rounds: whole("rounds", flags.rounds, short ? 2 : 5),
  seconds: whole("seconds", flags.seconds, short ? 2 : 4),
  warmUp: whole("warm-up", flags["warm-up"], short ? 4 : 12)
}
