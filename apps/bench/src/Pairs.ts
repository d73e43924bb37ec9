/** A peer against the base: both run on the server's core, and are measured in turn, A B A B, on the same load. */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { probe } from "./Entry.ts"
import * as Load from "./Load.ts"
import { measure } from "./Measure.ts"
import type { Sample, Subject } from "./Measure.ts"
import { peers, ready } from "./Peers.ts"
import type { PeerName } from "./Peers.ts"
import { freePort } from "./Ports.ts"
import type { Bases } from "./Upstreams.ts"
import type { Workload } from "./Workloads.ts"

export interface Effort {
  readonly rounds: number
  readonly seconds: number
  readonly warmUp: number
}

export interface Round {
  readonly base: Sample
  readonly peer: Sample
}

export type Run = Pick<Workload, "name" | "clients" | "rooms" | "batching" | "leaving" | "missing">

/** A server that is compiled as it runs needs some ten thousand entries until it runs as it will in service. */
const warmingClients = 64

/**
 * Starts a peer, waits until its entries are right, and warms it up: with the load that it will be measured by, but never
 * with so few clients that it would be measured cold.
 */
export const prepare = Effect.fnUntraced(function* (
  name: PeerName,
  run: Run,
  upstreams: Bases,
  effort: Effort,
  scratch: string
) {
  const port = yield* freePort
  const folder = join(scratch, `${name}-${port}`)
  mkdirSync(folder, { recursive: true })
  const batching = run.batching?.includes(name) ?? false
  const server = yield* peers[name].start({ port, upstreams, batching, folder })
  const { clients, rooms, leaving = 0, missing = [] } = run
  yield* ready(name, server, probe(port, missing, rooms))
  const subject: Subject = { server, port, clients, rooms, leaving, missing, seconds: effort.seconds }
  const warming = { ...subject, clients: Math.max(warmingClients, clients), leaving: 0, seconds: effort.warmUp }
  yield* Load.put(warming)
  return subject
})

/** What makes a sample worthless, in words; undefined if nothing does. */
export const defectOf = ({ failed, refused, faults, fault, throughput }: Sample): string | undefined => {
  if (failed > 0) return `${failed} answers were errors`
  if (refused > 0) return `${refused} requests got no answer`
  if (faults > 0) return `${faults} of the entries looked into were wrong: ${fault ?? ""}`
  return throughput > 0 ? undefined : "no entry at all"
}

export const compare = (workload: Workload, peer: PeerName, upstreams: Bases, effort: Effort, scratch: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const a = yield* prepare(workload.base, workload, upstreams, effort, scratch)
      const b = yield* prepare(peer, workload, upstreams, effort, scratch)
      const rounds: Array<Round> = []
      for (let i = 0; i < effort.rounds; i++) rounds.push({ base: yield* measure(a), peer: yield* measure(b) })
      for (const [name, { server }] of [[workload.base, a] as const, [peer, b] as const]) {
        if (!server.isRunning()) {
          return yield* new BenchError({ message: `${name} ended under load: ${server.lastWords()}` })
        }
      }
      return rounds
    })
  )
