/**
 * What each policy costs, beside what Effect has for the same end: `node packages/upstream/benchmark/Policies.ts`.
 *
 * A hundred calls at once, each answered in the event loop's next turn, each a success: the path that every call pays for.
 * Processor time of the whole process, garbage collection included, since a busy machine disturbs that least; every round
 * measures every case, and printed is what a case adds to the bare call.
 */
import { availableParallelism, cpus } from "node:os"
import { Cache, Clock, Console, Effect, Exit, Layer, Request, RequestResolver, Schema, Semaphore } from "effect"
import { CircuitBreaker } from "effect/persistence"
import * as AttemptTimeout from "../src/AttemptTimeout.ts"
import * as Batch from "../src/Batch.ts"
import * as Breaker from "../src/Breaker.ts"
import * as Bulkhead from "../src/Bulkhead.ts"
import * as CallMetrics from "../src/CallMetrics.ts"
import * as Coalesce from "../src/Coalesce.ts"
import * as Freshness from "../src/Freshness.ts"
import * as Hedge from "../src/Hedge.ts"
import * as Path from "../src/Path.ts"
import * as Retry from "../src/Retry.ts"
import * as RetryBudget from "../src/RetryBudget.ts"
import { type Response, Transport } from "../src/Transport.ts"
import * as Upstream from "../src/Upstream.ts"

const atOnce = 100
const callsARound = 20_000
const warmUps = 3
const rounds = 15

/** A call by its number among those at once. */
type Call = (nth: number) => Effect.Effect<unknown, unknown>

/** A policy of ours, and what Effect has for the same end. */
interface Row {
  readonly ours: readonly [name: string, call: Call]
  readonly effects?: readonly [name: string, call: Call]
}

const upstream = "played"

const waiting: Array<() => void> = []

/** Calls back in the event loop's next turn, together with all who wait for it. */
const nextTurn = (callback: () => void) => {
  if (waiting.push(callback) === 1) setImmediate(() => waiting.splice(0).forEach((answer) => answer()))
}

const one = Effect.succeed(1)
const bare = Effect.callback<number>((resume) => nextTurn(() => resume(one)))

class Thing extends Request.TaggedClass("Thing")<{ readonly id: number }, number> {}

const policies = Effect.gen(function* () {
  const metrics = yield* CallMetrics.make(upstream)
  const fresh = Freshness.make<number, never>({ ...Freshness.defaults, freshFor: "1 hour" })
  const unfresh = Freshness.make<number, never>({ ...Freshness.defaults, staleFor: "1 minute" })
  const coalesce = yield* Coalesce.make({
    key: (id: number) => String(id),
    call: () => bare,
    limit: "800 millis",
    enough: "800 millis",
    late: Exit.interrupt()
  })
  const kept = yield* Cache.make<number, number>({ lookup: () => bare, capacity: 10_000, timeToLive: "1 hour" })
  const shared = yield* Cache.make<number, number>({ lookup: () => bare, capacity: 10_000, timeToLive: 0 })
  const batch = yield* Batch.make({ group: () => "", call: () => Effect.as(bare, () => one) })
  const resolver = RequestResolver.make<Thing>((entries) =>
    Effect.map(bare, () => entries.forEach((entry) => entry.completeUnsafe(Exit.succeed(1))))
  )
  const breaker = Breaker.make({ ...Breaker.defaults, upstream })
  const circuit = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.rate({ threshold: 0.5, size: 100 }),
    openDuration: "1 second"
  })
  const retry = Retry.make({ times: 1, budget: RetryBudget.make(RetryBudget.defaults) })
  const hedge = Hedge.make(Hedge.defaults)
  const armed = Hedge.make({ ...Hedge.defaults, floor: "200 millis", atLeast: 0, tail: 0 })
  const bulkhead = Bulkhead.make({ upstream, permits: 512 })
  const semaphore = yield* Semaphore.make(512)
  const timeout = AttemptTimeout.make(upstream, "800 millis")
  const rows: ReadonlyArray<Row> = [
    { ours: ["CallMetrics", () => metrics.policy(bare)] },
    {
      ours: ["Freshness, a fresh answer", (nth) => fresh.around(String(nth), bare)],
      effects: ["Cache, a hit", (nth) => Cache.get(kept, nth)]
    },
    { ours: ["Freshness, kept for stale-if-error", (nth) => unfresh.around(String(nth), bare)] },
    { ours: ["Coalesce, a flight for each", coalesce], effects: ["Cache, a miss", (nth) => Cache.get(shared, nth)] },
    {
      ours: ["Coalesce, one flight for all", () => coalesce(0)],
      effects: ["Cache, one lookup for all", () => Cache.get(shared, 0)]
    },
    {
      ours: ["Batch, one for all", batch],
      effects: ["RequestResolver, one for all", (id) => Effect.request(new Thing({ id }), resolver)]
    },
    {
      ours: ["Breaker", () => breaker(bare)],
      effects: ["CircuitBreaker", () => circuit.execute(bare, { key: upstream })]
    },
    { ours: ["Retry", () => retry(bare)], effects: ["Effect.retry", () => Effect.retry(bare, { times: 1 })] },
    { ours: ["Hedge, no tail known", () => hedge(bare)] },
    {
      ours: ["Hedge, a second one waiting", () => armed(bare)],
      effects: ["Effect.raceAll, one delayed", () => Effect.raceAll([bare, Effect.delay(bare, "200 millis")])]
    },
    {
      ours: ["Bulkhead", () => bulkhead(bare)],
      effects: ["Semaphore", () => Semaphore.withPermitsIfAvailable(semaphore, 1)(bare)]
    },
    {
      ours: ["AttemptTimeout", () => timeout(bare)],
      effects: ["Effect.timeout", () => Effect.timeout(bare, "800 millis")]
    }
  ]
  return rows
})

class Played extends Upstream.Service<Played>()("played", {
  input: Schema.Struct({ id: Schema.Int }),
  output: Schema.Struct({ name: Schema.String, viewers: Schema.Int }),
  errors: []
}) {}

const response: Response = { status: 200, headers: {}, body: JSON.stringify({ name: "a", viewers: 3 }) }

/** A wire without a socket: the rest of the call is what it is in the service. */
const wire = Layer.succeed(Transport, {
  connect: () =>
    Effect.succeed((_, asker) => {
      let ended = false
      nextTurn(() => void (ended || asker.tell(Exit.succeed(response))))
      return { end: () => void (ended = true) }
    })
})

const fetching = (policies: Upstream.Policies) =>
  Effect.gen(function* () {
    const layer = Played.layerHttp({
      baseUrl: new URL("http://played.example"),
      request: ({ id }) => Path.get`/things/${id}`,
      policies
    })
    const played = yield* Layer.build(Layer.provide(layer, wire))
    return (id: number) => Effect.provideContext(Played.fetch({ id }), played)
  })

const every: Upstream.Policies = {
  timeout: "800 millis",
  bulkhead: 512,
  hedge: Hedge.defaults,
  retries: 1,
  breaker: Breaker.defaults,
  staleIfError: "1 minute"
}

const stacks = Effect.gen(function* () {
  const rows: ReadonlyArray<Row> = [
    { ours: ["Upstream.fetch, the timeout alone", yield* fetching({ timeout: "800 millis" })] },
    { ours: ["Upstream.fetch, every policy", yield* fetching(every)] },
    { ours: ["Upstream.fetch, a fresh answer", yield* fetching({ ...every, freshFor: "1 hour" })] }
  ]
  return rows
})

const nths = Array.from({ length: atOnce }, (_, nth) => nth)

/** Text of a number to a tenth, and no "-0.0". */
const toTenth = (value: number) => (Math.round(value * 10) / 10 + 0).toFixed(1)

/** Microseconds of the processor's time for one call. */
const measure = (call: Call) =>
  Effect.gen(function* () {
    const together = Effect.forEach(nths, call, { concurrency: "unbounded", discard: true })
    const before = process.cpuUsage()
    for (let made = 0; made < callsARound; made += atOnce) yield* together
    const { user, system } = process.cpuUsage(before)
    return (user + system) / callsARound
  })

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const least = (values: ReadonlyArray<number>) => Math.min(...values)

const program = Effect.gen(function* () {
  const ofPolicies = yield* policies
  const ofStacks = yield* stacks
  const calls = [...ofPolicies, ...ofStacks].flatMap(({ ours, effects }) =>
    effects === undefined ? [ours[1]] : [ours[1], effects[1]]
  )
  const taken = new Map([() => bare, ...calls].map((call): [Call, Array<number>] => [call, []]))
  for (let round = -warmUps; round < rounds; round++) {
    for (const [call, micros] of taken) {
      const measured = yield* measure(call)
      if (round >= 0) micros.push(measured)
    }
  }
  const [ofBare = []] = taken.values()
  const cells = ([name, call]: Row["ours"]) => {
    const micros = taken.get(call) ?? []
    const added = [least(micros) - least(ofBare), median(micros) - median(ofBare)]
    return [name, ...added.map(toTenth)].join(" | ")
  }
  const today = new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10)
  const machine = `Node ${process.versions.node}, ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
  yield* Console.log(
    [
      `${today}, ${machine}. Microseconds of processor time beyond the bare call's ${toTenth(least(ofBare))}:`,
      `the least and the median of ${rounds} rounds of ${callsARound.toLocaleString("en")} calls, ${atOnce} at once.`,
      "",
      "| policy | least | median | Effect's own | least | median |",
      "| --- | --- | --- | --- | --- | --- |",
      ...ofPolicies.map(({ ours, effects }) => `| ${cells(ours)} | ${effects ? cells(effects) : "| |"} |`),
      "",
      "| the whole call, JSON and schema included | least | median |",
      "| --- | --- | --- |",
      ...ofStacks.map(({ ours }) => `| ${cells(ours)} |`)
    ].join("\n")
  )
}).pipe(Effect.scoped, Effect.provide(CircuitBreaker.layerStoreMemory()))

await Effect.runPromise(program)
