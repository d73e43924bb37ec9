/** `pnpm bench`: every workload, every peer in it against the base; prints the ratios and keeps the results. */
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { medians, ratio } from "./Figures.ts"
import * as Options from "./Options.ts"
import { compare, defectOf } from "./Pairs.ts"
import type { Round } from "./Pairs.ts"
import type { PeerName } from "./Peers.ts"
import * as Report from "./Report.ts"
import * as Results from "./Results.ts"
import { begin, say } from "./Session.ts"
import { echoModule } from "./Tools.ts"
import * as Upstreams from "./Upstreams.ts"
import { shortWorkloads, workloads } from "./Workloads.ts"
import type { Workload } from "./Workloads.ts"

/** Under this share of the base something is grossly wrong, however noisy the machine. */
const grossly = 0.3

const asked = (Options.short ? shortWorkloads : workloads).filter(({ name }) =>
  Options.isAsked(Options.only.workloads, name)
)

const needsEcho = ({ upstreams, batching }: Workload) => Upstreams.needsEcho(upstreams) || batching !== undefined

const line = (base: PeerName, peer: PeerName, rounds: ReadonlyArray<Round>) => {
  const theirs = medians(rounds.map((round) => round.base))
  const own = medians(rounds.map((round) => round.peer))
  const of = (figure: "throughput" | "p99" | "cpu") => Report.spreadText(ratio({ rounds }, figure))
  return (
    `  ${peer} of ${base}: entries/s ${of("throughput")}, p99 ${of("p99")}, CPU ${of("cpu")}; ` +
    `${Math.round(own.throughput)} against ${Math.round(theirs.throughput)} entries/s, ` +
    `p50 ${own.p50.toFixed(2)} against ${theirs.p50.toFixed(2)} ms, ` +
    `${Math.round(own.memory)} against ${Math.round(theirs.memory)} MiB`
  )
}

/** What makes the rounds worthless, and what is grossly slow. */
const defects = (workload: Workload, peer: PeerName, rounds: ReadonlyArray<Round>): ReadonlyArray<string> => {
  const sides = [
    { name: workload.base, samples: rounds.map(({ base }) => base) },
    { name: peer, samples: rounds.map(({ peer }) => peer) }
  ]
  const wrong = sides.flatMap(({ name, samples }) => {
    const found = samples.map(defectOf).find((defect) => defect !== undefined)
    return found === undefined ? [] : [`${workload.name}, ${name}: ${found}`]
  })
  const slow = peer === "portico" && ratio({ rounds }, "throughput").median < grossly
  return slow ? [...wrong, `${workload.name}: portico serves under ${grossly} of ${workload.base}`] : wrong
}

const measureWorkload = Effect.fnUntraced(function* (
  workload: Workload,
  peers: ReadonlyArray<PeerName>,
  bases: Upstreams.Bases,
  scratch: string
) {
  yield* say(`\n${workload.name}: ${workload.about}; ${workload.clients} clients`)
  const found: Array<string> = []
  for (const peer of peers) {
    const outcome = yield* Effect.result(compare(workload, peer, bases, Options.effort, scratch))
    if (outcome._tag === "Failure") {
      yield* say(`  ${peer}: not measured`)
      found.push(`${workload.name}, ${peer}: ${outcome.failure.message}`)
      continue
    }
    const rounds = outcome.success
    yield* say(line(workload.base, peer, rounds))
    const wrong = defects(workload, peer, rounds)
    found.push(...wrong)
    // What is wrong is not kept: a table must not show how fast error pages are.
    if (!Options.keeps || wrong.length > 0) continue
    const { effort } = Options
    Results.keepComparison(Options.out, workload.name, { ...Results.made(), base: workload.base, peer, effort, rounds })
    yield* Effect.promise(() => Report.write(Options.out))
  }
  return found
})

export const comparing = Effect.gen(function* () {
  const { scratch, present, takesPart } = yield* begin(asked.flatMap(({ base, peers }) => [base, ...peers, "node"]))
  const variants = [Upstreams.fast, Upstreams.failing, ...(echoModule === undefined ? [] : [Upstreams.delayed])]
  const upstreams = yield* Upstreams.run(variants, scratch)
  const found: Array<string> = []
  for (const workload of asked) {
    const bases = upstreams.get(workload.upstreams.name)
    if (bases === undefined || (needsEcho(workload) && echoModule === undefined)) {
      yield* say(`\nleft out: workload ${workload.name}: nginx's echo module not found`)
      continue
    }
    // Without its base a workload still compares: with plain Node, which is always there.
    const base = present.has(workload.base) ? workload.base : "node"
    const peers = workload.peers.filter((name) => name !== base && takesPart(name))
    if (peers.length > 0) found.push(...(yield* measureWorkload({ ...workload, base }, peers, bases, scratch)))
  }
  if (found.length > 0) return yield* new BenchError({ message: `\n${found.join("\n")}` })
})
