/** One offered rate on one server: what came of the viewers, and what the server used. */
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { BenchError } from "../BenchError.ts"
import { run } from "../Child.ts"
import type { Server } from "../Child.ts"
import { cores } from "../Machine.ts"
import { tools } from "../Tools.ts"
import { usage } from "../Usage.ts"
import * as Quiet from "./Quiet.ts"

/** The entry's deadline: an answer that comes later is of no use to anybody. */
const deadlineMillis = 1_000

const leadSeconds = 2

/** What the arrivals print; times are milliseconds. */
const Outcome = Schema.Struct({
  offered: Schema.Finite,
  /** Entries within the deadline, and how many of them had every part. */
  inTime: Schema.Finite,
  complete: Schema.Finite,
  late: Schema.Finite,
  shed: Schema.Finite,
  failed: Schema.Finite,
  /** Viewers who left without an answer, after twice the deadline or with a broken connection. */
  lost: Schema.Finite,
  /** Of all entries, the late ones too. */
  p50: Schema.Finite,
  p99: Schema.Finite,
  shedP50: Schema.Finite,
  shedP90: Schema.Finite,
  shedP99: Schema.Finite,
  /** How many of those shed were told so in less than five milliseconds. */
  shedSoon: Schema.Finite,
  /** How late the arrivals themselves were. */
  lagP99: Schema.Finite
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Outcome))

export interface Trial {
  readonly rate: number
  readonly seconds: number
  readonly outcome: typeof Outcome.Type
  readonly residentMiB: number
  /** Microseconds of processor time for each viewer who came. */
  readonly cpuMicros: number
  /** The share of the server's core that something else used. */
  readonly disturbed: number
}

/** Makes the program whose viewers arrive; its path. */
export const build = (scratch: string) => {
  const program = join(scratch, "arrivals")
  return Effect.as(
    run({
      program: tools.go ?? "go",
      args: ["build", "-o", program, join(import.meta.dirname, "../../load/arrivals.go")]
    }),
    program
  )
}

/** A server, and the program whose viewers come to it. */
export interface Stage {
  readonly port: number
  readonly server: Server
  readonly arrivals: string
}

/** Lets `rate` viewers arrive every second. */
const arrive = Effect.fnUntraced(function* ({ port, server, arrivals }: Stage, rate: number, seconds: number) {
  const before = { busy: Quiet.busySeconds(cores?.server), own: usage(server.pids).cpuSeconds, at: performance.now() }
  const output = yield* run({
    program: arrivals,
    args: [port, rate, leadSeconds, seconds, deadlineMillis].map(String),
    core: cores?.load
  })
  const after = usage(server.pids)
  const elsewhere = Quiet.busySeconds(cores?.server) - before.busy - (after.cpuSeconds - before.own)
  const outcome = yield* decode(/^RESULT (.*)$/m.exec(output)?.[1] ?? "").pipe(
    Effect.mapError((error) => new BenchError({ message: `unreadable result of the arrivals: ${error.message}` }))
  )
  const trial: Trial = {
    rate,
    seconds,
    outcome,
    residentMiB: after.residentMiB,
    cpuMicros: ((after.cpuSeconds - before.own) * 1e6) / (rate * (leadSeconds + seconds)),
    disturbed: Math.max(0, elsewhere) / ((performance.now() - before.at) / 1000)
  }
  return trial
})

/** Neither the server's core was taken, nor were the arrivals kept from arriving. */
const isClean = ({ disturbed, outcome }: Trial) => disturbed < 0.05 && outcome.lagP99 < 5

/** {@link arrive} on a quiet machine: again where it was disturbed, and of three the least disturbed. */
export const undisturbed = Effect.fnUntraced(function* (stage: Stage, rate: number, seconds: number) {
  let best: Trial | undefined
  for (let tries = 0; tries < 3 && (best === undefined || !isClean(best)); tries++) {
    yield* Quiet.wait(60)
    const trial: Trial = yield* arrive(stage, rate, seconds)
    if (best === undefined || isClean(trial) || trial.disturbed < best.disturbed) best = trial
  }
  return best
})
