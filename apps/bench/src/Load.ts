/** Load on a server: by wrk, or by our own clients where some of them leave before their answer. */
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { BenchError } from "./BenchError.ts"
import { run } from "./Child.ts"
import { cores } from "./Machine.ts"
import { tools } from "./Tools.ts"

const folder = join(import.meta.dirname, "../load")

/** What the clients saw; times are milliseconds. */
const Seen = Schema.Struct({
  requests: Schema.Finite,
  seconds: Schema.Finite,
  /** Answers of status 400 and over. */
  failed: Schema.Finite,
  /** Connections that failed, and requests without an answer in ten seconds. */
  refused: Schema.Finite,
  p50: Schema.Finite,
  p99: Schema.Finite,
  max: Schema.Finite
})

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Seen))

export interface Load {
  readonly port: number
  readonly clients: number
  readonly rooms: number
  readonly seconds: number
  readonly leaving: number
}

let runs = 0

const command = ({ port, clients, seconds, leaving }: Load) =>
  leaving > 0
    ? {
        program: process.execPath,
        args: [join(folder, "leave.ts"), String(port), String(clients), String(seconds), String(leaving)]
      }
    : {
        program: tools.wrk ?? "wrk",
        args: [
          "-t1",
          `-c${clients}`,
          `-d${seconds}s`,
          "--timeout",
          "10s",
          "-s",
          join(folder, "enter.lua"),
          `http://127.0.0.1:${port}`
        ]
      }

export const put = Effect.fnUntraced(function* (load: Load) {
  runs += 1
  const output = yield* run({
    ...command(load),
    // Hot rooms keep their names over the rounds, as they would; all else is new.
    env: { BENCH_ROOMS: String(load.rooms), BENCH_SEED: `${(process.pid % 1000).toString(36)}x${runs.toString(36)}` },
    core: cores?.load
  })
  const result = /^RESULT (.*)$/m.exec(output)?.[1]
  if (result === undefined) return yield* new BenchError({ message: `no result from the load: ${output.slice(-500)}` })
  return yield* decode(result).pipe(
    Effect.mapError((error) => new BenchError({ message: `unreadable result of the load: ${error.message}` }))
  )
})
