/** How cost grows with clients, rooms, body sizes and parts: what is varied, as data, and how it is run. */
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { BenchError } from "./BenchError.ts"
import { run } from "./Child.ts"
import { cores } from "./Machine.ts"
import { measure } from "./Measure.ts"
import type { Sample } from "./Measure.ts"
import { prepare } from "./Pairs.ts"
import type { Effort, Run } from "./Pairs.ts"
import type { PeerName } from "./Peers.ts"
import * as Results from "./Results.ts"
import { fast, sized } from "./Upstreams.ts"
import type { Bases, Variant } from "./Upstreams.ts"

export interface Growth {
  readonly name: string
  /** What x is. */
  readonly x: string
  readonly xs: ReadonlyArray<number>
  /** `entry`: the cost is an entry's and should not depend on x; `x`: it may grow with x, but no faster. */
  readonly per: "entry" | "x"
  /** None: not a server's growth, but the fan-out's alone. */
  readonly peers: ReadonlyArray<PeerName>
  readonly at: (x: number) => Run & { readonly upstreams: Variant }
}

export const growths: ReadonlyArray<Growth> = [
  {
    name: "clients",
    x: "clients",
    xs: [1, 4, 16, 64, 256, 1000, 4000, 10_000],
    per: "entry",
    peers: ["portico", "go-errgroup"],
    at: (clients) => ({ name: "clients", upstreams: fast, clients, rooms: 0 })
  },
  {
    name: "rooms",
    x: "rooms",
    xs: [1, 10, 100, 1000, 10_000, 100_000],
    per: "entry",
    peers: ["portico", "go-singleflight"],
    at: (rooms) => ({ name: "rooms", upstreams: fast, clients: 64, rooms })
  },
  {
    name: "sizes",
    x: "KiB of each upstream's body",
    xs: [0.2, 1, 5, 20, 50, 100, 200],
    per: "x",
    peers: ["portico", "node", "go-errgroup"],
    at: (size) => ({ name: "sizes", upstreams: sized(size), clients: 16, rooms: 0 })
  },
  {
    name: "parts",
    x: "parts of a fan-out",
    xs: [1, 2, 4, 8, 16, 32, 64],
    per: "x",
    peers: [],
    at: () => ({ name: "parts", upstreams: fast, clients: 1, rooms: 0 })
  }
]

export const variants = (growth: Growth): ReadonlyArray<Variant> =>
  growth.peers.length === 0 ? [] : growth.xs.map((x) => growth.at(x).upstreams)

/** One peer over all x: a server of its own for each, so that none inherits what another left. */
export const ofPeer = Effect.fnUntraced(function* (
  growth: Growth,
  peer: PeerName,
  upstreams: ReadonlyMap<string, Bases>,
  effort: Effort,
  scratch: string
) {
  const points: Array<Results.Point> = []
  for (const x of growth.xs) {
    const run = growth.at(x)
    const bases = upstreams.get(run.upstreams.name)
    if (bases === undefined) return yield* new BenchError({ message: `no upstreams ${run.upstreams.name}` })
    const samples = yield* Effect.scoped(
      Effect.gen(function* () {
        const subject = yield* prepare(peer, run, bases, effort, scratch)
        const samples: Array<Sample> = []
        for (let i = 0; i < effort.rounds; i++) samples.push(yield* measure(subject))
        return samples
      })
    )
    // What an entry that was served costs, with all that was refused or failed beside it.
    points.push({ x, cost: samples.map(({ busy, throughput }) => (busy * 1e6) / Math.max(1, throughput)), samples })
  }
  const series: Results.Series = { ...Results.made(), name: peer, points }
  return series
})

const PartsResult = Schema.fromJsonString(
  Schema.Record(Schema.String, Schema.Array(Schema.Struct({ x: Schema.Finite, cost: Schema.Array(Schema.Finite) })))
)

/** The fan-out alone, in a process of its own on the server's core. */
export const ofParts = Effect.fnUntraced(function* (growth: Growth, effort: Effort) {
  const output = yield* run({
    program: process.execPath,
    args: [join(import.meta.dirname, "../load/parts.ts"), growth.xs.join(","), String(effort.rounds)],
    core: cores?.server
  })
  const found = yield* Schema.decodeEffect(PartsResult)(output).pipe(
    Effect.mapError((error) => new BenchError({ message: `unreadable result of the fan-out: ${error.message}` }))
  )
  const { command, date, machine } = Results.made()
  return Object.entries(found).map(([name, points]): Results.Series => ({
    command,
    date,
    machine,
    name,
    points: points.map(({ x, cost }) => ({ x, cost, samples: [] }))
  }))
})
