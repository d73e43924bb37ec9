/** `pnpm bench growth`: how cost grows; prints each series and keeps it. */
import { Effect } from "effect"
import * as Growth from "./Growth.ts"
import * as Options from "./Options.ts"
import * as Report from "./Report.ts"
import * as Results from "./Results.ts"
import { begin, say } from "./Session.ts"
import { median } from "./Statistics.ts"
import { echoModule } from "./Tools.ts"
import * as Upstreams from "./Upstreams.ts"

const asked = Growth.growths.filter(({ name }) => Options.isAsked(Options.only.workloads, name))

const keep = Effect.fnUntraced(function* (growth: string, series: Results.Series) {
  const points = series.points.map(({ x, cost }) => `${x}: ${median(cost).toFixed(1)}`)
  yield* say(`  ${series.name}, us each at ${points.join(", ")}`)
  if (!Options.keeps) return
  Results.keepSeries(Options.out, growth, series)
  yield* Effect.promise(() => Report.write(Options.out))
})

export const growing = Effect.gen(function* () {
  const { scratch, takesPart } = yield* begin(asked.flatMap(({ peers }) => peers))
  const variants = new Map(asked.flatMap(Growth.variants).map((variant) => [variant.name, variant]))
  const possible = [...variants.values()].filter((v) => !Upstreams.needsEcho(v) || echoModule !== undefined)
  const upstreams = yield* Upstreams.run(possible, scratch)
  for (const growth of asked) {
    yield* say(`\n${growth.name}`)
    if (growth.peers.length === 0) {
      for (const series of yield* Growth.ofParts(growth, Options.effort)) yield* keep(growth.name, series)
    } else if (Growth.variants(growth).every(({ name }) => upstreams.has(name))) {
      for (const peer of growth.peers.filter(takesPart)) {
        yield* keep(growth.name, yield* Growth.ofPeer(growth, peer, upstreams, Options.effort, scratch))
      }
    } else {
      yield* say("  left out: nginx's echo module not found")
    }
  }
})
