/** One measurement of one server under one load: what the clients saw, and what the server used meanwhile. */
import { Effect, Fiber } from "effect"
import type { Server } from "./Child.ts"
import { probe } from "./Entry.ts"
import * as Load from "./Load.ts"
import type { Name } from "./Upstreams.ts"
import { usage } from "./Usage.ts"

export interface Sample {
  /** Entries a second, milliseconds, and the most MiB resident. */
  readonly throughput: number
  readonly p50: number
  readonly p99: number
  readonly memory: number
  /** Microseconds of processor time an entry, and the share of a core that was used. */
  readonly cpu: number
  readonly busy: number
  /** Answers that were errors, and requests that got no answer. */
  readonly failed: number
  readonly refused: number
  /** Of the entries looked into while the load ran: how many, and how many were not as they should be. */
  readonly probes: number
  readonly faults: number
  readonly fault?: string
}

export interface Subject extends Load.Load {
  readonly server: Server
  readonly missing: ReadonlyArray<Name>
}

export const measure = (subject: Subject) =>
  Effect.gen(function* () {
    const before = usage(subject.server.pids)
    let memory = before.residentMiB
    let probes = 0
    let faults = 0
    let fault: string | undefined
    const watch = Effect.gen(function* () {
      memory = Math.max(memory, usage(subject.server.pids).residentMiB)
      const found = yield* probe(subject.port, subject.missing, subject.rooms)
      probes += 1
      if (found !== undefined) {
        faults += 1
        fault = found
      }
      yield* Effect.sleep("150 millis")
    })
    const watcher = yield* Effect.forkChild(Effect.forever(watch))
    const seen = yield* Load.put(subject)
    const after = usage(subject.server.pids)
    yield* Fiber.interrupt(watcher)
    const good = seen.requests - seen.failed
    const used = after.cpuSeconds - before.cpuSeconds
    const sample: Sample = {
      throughput: good / seen.seconds,
      p50: seen.p50,
      p99: seen.p99,
      memory: Math.max(memory, after.residentMiB),
      cpu: (used * 1e6) / Math.max(1, seen.requests),
      busy: used / seen.seconds,
      failed: seen.failed,
      refused: seen.refused,
      probes,
      faults,
      ...(fault === undefined ? {} : { fault })
    }
    return sample
  })
