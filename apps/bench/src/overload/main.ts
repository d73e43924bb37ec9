/**
 * Overload: what becomes of a server that more viewers come to than it can serve, with load shedding and without.
 * `node apps/bench/src/overload/main.ts` takes about eight minutes on a quiet machine, two with `--short`.
 *
 * The server runs on one core; upstreams that take 10 to 50 ms and viewers who arrive at a constant rate on another. Its
 * capacity is measured first, by clients who wait; then half of it arrives, all of it, and more, up to three times.
 */
import { join } from "node:path"
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { serve } from "../Child.ts"
import { probe } from "../Entry.ts"
import * as Load from "../Load.ts"
import { cores } from "../Machine.ts"
import { short } from "../Options.ts"
import { portico, ready } from "../Peers.ts"
import { freePort } from "../Ports.ts"
import { begin, say } from "../Session.ts"
import { delayed, names, run } from "../Upstreams.ts"
import type { Bases } from "../Upstreams.ts"
import * as Quiet from "./Quiet.ts"
import * as Table from "./Table.ts"
import * as Trial from "./Trial.ts"

const seconds = short ? 3 : 8
const factors = short ? [1, 3] : [0.5, 1, 1.5, 2, 3]
const rounds = short ? 1 : 5

/** The service, warm, for as long as the scope lasts. */
const start = Effect.fnUntraced(function* (upstreams: Bases, scratch: string, maxInFlight: string, arrivals: string) {
  const port = yield* freePort
  const server = yield* serve(
    {
      program: process.execPath,
      args: portico.args,
      env: {
        ...portico.env,
        NODE_ENV: "production",
        PORTICO_PORT: String(port),
        PORTICO_MAX_IN_FLIGHT: maxInFlight,
        ...Object.fromEntries(names.map((name) => [`PORTICO_UPSTREAM_${name.toUpperCase()}`, upstreams[name]]))
      },
      core: cores?.server
    },
    join(scratch, `server-${port}.log`)
  )
  yield* ready("portico", server, probe(port, []))
  yield* Load.put({ port, clients: 64, rooms: 0, seconds: short ? 3 : 6, leaving: 0 })
  return { port, server, arrivals }
})

/**
 * Clients enough to leave no time idle. Each has to wait for its slowest upstream: of two hundred no more than 4,000 entries a
 * second can be seen, however many can be served.
 */
const clients = 600

/** Entries a second under clients who wait: the best of three, since what else runs on the machine only takes from it. */
const capacityOf = (port: number) =>
  Effect.gen(function* () {
    let best = 0
    for (let round = 0; round < 3; round++) {
      yield* Quiet.wait(60)
      const seen = yield* Load.put({ port, clients, rooms: 0, seconds: short ? 2 : 4, leaving: 0 })
      best = Math.max(best, (seen.requests - seen.failed) / seen.seconds)
    }
    return Math.round(best)
  })

/** One table: every rate on one server, one after the other. */
const series = (upstreams: Bases, scratch: string, maxInFlight: string, arrivals: string, known?: number) =>
  Effect.gen(function* () {
    const stage = yield* start(upstreams, scratch, maxInFlight, arrivals)
    const capacity = known ?? (yield* capacityOf(stage.port))
    yield* say(Table.head(capacity, maxInFlight))
    const trials: Array<Trial.Trial> = []
    for (const factor of factors) {
      const trial = yield* Trial.undisturbed(stage, Math.round(capacity * factor), seconds)
      if (trial === undefined) continue
      trials.push(trial)
      yield* say(Table.row(factor, trial))
    }
    yield* say(Table.summary(trials))
    return { stage, capacity }
  })

/** All that there is capacity for and the most load in turn, so that a core that changes its speed changes it for both. */
const pairs = ({ stage, capacity }: Effect.Success<ReturnType<typeof series>>) =>
  Effect.gen(function* () {
    const ratios: Array<number> = []
    const soon: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const trial = (factor: number) => Trial.undisturbed(stage, Math.round(capacity * factor), seconds)
      const [peak, most] = [yield* trial(1), yield* trial(Math.max(...factors))]
      if (peak === undefined || most === undefined) continue
      ratios.push(most.outcome.inTime / Math.max(1, peak.outcome.inTime))
      soon.push(most.outcome.shedSoon / Math.max(1, most.outcome.shed))
    }
    yield* say(`in ${ratios.length} pairs goodput at the most load was ${Table.spread(ratios)} of that at 1x`)
    yield* say(`of its refusals ${Table.spread(soon)} took less than 5 ms`)
  })

const program = Effect.gen(function* () {
  const { scratch } = yield* begin(["portico"])
  const upstreams = (yield* run([delayed], scratch)).get(delayed.name)
  if (upstreams === undefined) return
  const arrivals = yield* Trial.build(scratch)
  // The capacity is that of the server in front of which they stand in line: of more at once some are refused by the
  // upstreams' bulkheads, and an entry without them costs less.
  const { capacity } = yield* Effect.scoped(Effect.tap(series(upstreams, scratch, "", arrivals), pairs))
  yield* Effect.scoped(series(upstreams, scratch, "off", arrivals, capacity))
})

NodeRuntime.runMain(
  Effect.scoped(program).pipe(
    Effect.catchTag("BenchError", (error) =>
      Effect.sync(() => {
        console.error(`overload: ${error.message}`)
        process.exitCode = 1
      })
    )
  )
)
