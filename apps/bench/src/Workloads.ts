/** What is measured, as data: the upstreams, the clients, who is compared with whom, and what the project promises. */
import type { PeerName } from "./Peers.ts"
import { delayed, failing, fast } from "./Upstreams.ts"
import type { Name, Variant } from "./Upstreams.ts"

/** A promise about one peer. `ratio` and `difference` are to the base, by the medians of the paired rounds. */
export interface Bar {
  readonly peer: PeerName
  readonly figure: "throughput" | "p50" | "p99" | "overSlowest" | "memory"
  readonly by: "ratio" | "difference" | "value"
  readonly atLeast?: number
  readonly atMost?: number
}

export interface Workload {
  readonly name: string
  readonly about: string
  readonly upstreams: Variant
  readonly clients: number
  /** How many rooms the clients enter; 0 is a new one every time. Users are always new. */
  readonly rooms: number
  readonly base: PeerName
  readonly peers: ReadonlyArray<PeerName>
  /** Peers that ask the user and equity upstreams by batches here. */
  readonly batching?: ReadonlyArray<PeerName>
  /** The share of requests whose client leaves before the answer. */
  readonly leaving?: number
  /** Parts that cannot be `ok` in this workload. */
  readonly missing?: ReadonlyArray<Name>
  /** Milliseconds of the slowest upstream: what no peer can be faster than. */
  readonly slowest?: number
  readonly bars: ReadonlyArray<Bar>
}

const atOnce = ["portico", "node", "fastify", "effect-stock"] as const
const everyone = [...atOnce, "go-singleflight", "php"] as const

const unique = { upstreams: fast, clients: 64, rooms: 0, base: "go-errgroup" } as const
const slow = { upstreams: delayed, rooms: 0, base: "go-errgroup", slowest: 50 } as const

export const workloads: ReadonlyArray<Workload> = [
  {
    ...unique,
    name: "unique",
    about: "a new room and a new user every time: nothing can be shared",
    peers: everyone,
    bars: [
      { peer: "portico", figure: "throughput", by: "ratio", atLeast: 1 },
      { peer: "portico", figure: "p99", by: "ratio", atMost: 1 }
    ]
  },
  {
    ...unique,
    name: "hot",
    about: "one room, a new user every time: the room's parts can be shared",
    rooms: 1,
    base: "go-singleflight",
    peers: [...atOnce, "go-errgroup"],
    bars: [{ peer: "portico", figure: "throughput", by: "ratio", atLeast: 1 }]
  },
  {
    ...unique,
    name: "hot-batching",
    about: "one room, and upstreams that take users by batches, for the peer that can ask so",
    rooms: 1,
    base: "go-singleflight",
    peers: ["portico"],
    batching: ["portico"],
    bars: [{ peer: "portico", figure: "throughput", by: "ratio", atLeast: 2 }]
  },
  {
    ...slow,
    name: "delayed-1",
    about: "upstreams of 10, 20, 30, 40 and 50 ms, one client: what is added to the slowest",
    clients: 1,
    peers: everyone,
    bars: [{ peer: "portico", figure: "overSlowest", by: "value", atMost: 1 }]
  },
  {
    ...slow,
    name: "delayed-64",
    about: "upstreams of 10 to 50 ms, 64 clients",
    clients: 64,
    peers: everyone,
    bars: [{ peer: "portico", figure: "p99", by: "ratio", atMost: 1 }]
  },
  {
    ...slow,
    name: "delayed-256",
    about: "upstreams of 10 to 50 ms, 256 clients",
    clients: 256,
    peers: atOnce,
    bars: []
  },
  {
    ...slow,
    name: "delayed-1000",
    about: "upstreams of 10 to 50 ms, 1,000 clients",
    clients: 1000,
    peers: atOnce,
    bars: [
      { peer: "portico", figure: "throughput", by: "ratio", atLeast: 1 },
      { peer: "portico", figure: "p99", by: "ratio", atMost: 1.5 },
      { peer: "portico", figure: "memory", by: "difference", atMost: 100 }
    ]
  },
  {
    ...slow,
    name: "leaving",
    about: "upstreams of 10 to 50 ms, 128 clients of which 5 % leave before their answer",
    clients: 128,
    leaving: 0.05,
    peers: atOnce,
    bars: []
  },
  {
    ...unique,
    name: "failing",
    about: "the equity upstream answers 503 to everyone",
    upstreams: failing,
    missing: ["equity"],
    peers: atOnce,
    bars: []
  }
]

const short = { ...unique, peers: ["portico", "node"], bars: [] } as const

/** The short form: two workloads, three peers, one base, so that it needs few seconds. */
export const shortWorkloads: ReadonlyArray<Workload> = [
  { ...short, name: "unique", about: "a new room and a new user every time" },
  { ...short, name: "hot", about: "one room, a new user every time", rooms: 1 }
]
