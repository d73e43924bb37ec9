/**
 * What a fan-out costs by its number of parts, each of which waits one turn: ours, `Effect.all` alone, and `Promise.all`.
 * Arguments: the numbers of parts, the rounds. Prints microseconds a fan-out as JSON.
 */
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import { Effect } from "effect"

const [xs = "1", rounds = "3"] = process.argv.slice(2)

const waiting = Effect.as(Effect.yieldNow, 1)
const promising = async () => {
  await Promise.resolve()
  return 1
}

const named = <A>(count: number, value: A): Readonly<Record<string, A>> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`part${i}`, value]))

const contestants: Readonly<Record<string, (count: number) => () => Promise<unknown>>> = {
  "FanOut.degrade": (count) => {
    const fanOut = FanOut.degrade(named(count, Part.optional(waiting)))
    return () => Effect.runPromise(fanOut)
  },
  "Effect.all": (count) => {
    const fanOut = Effect.all(named(count, waiting), { concurrency: "unbounded" })
    return () => Effect.runPromise(fanOut)
  },
  "Promise.all": (count) => {
    const parts = Array.from({ length: count }, () => promising)
    return () => Promise.all(parts.map((part) => part()))
  }
}

/** Microseconds of one run, over runs one after the other for some time. */
const time = async (run: () => Promise<unknown>, milliseconds: number) => {
  const began = performance.now()
  let runs = 0
  while (performance.now() - began < milliseconds) {
    for (let i = 0; i < 50; i++) await run()
    runs += 50
  }
  return ((performance.now() - began) * 1000) / runs
}

const results: Record<string, Array<{ x: number; cost: Array<number> }>> = {}
for (const name of Object.keys(contestants)) results[name] = []
for (const x of xs.split(",").map(Number)) {
  const runs = Object.entries(contestants).map(([name, make]) => ({ name, run: make(x), cost: new Array<number>() }))
  for (const { run } of runs) await time(run, 200)
  for (let i = 0; i < Number(rounds); i++) for (const each of runs) each.cost.push(await time(each.run, 200))
  for (const { name, cost } of runs) results[name]?.push({ x, cost })
}
process.stdout.write(JSON.stringify(results))
