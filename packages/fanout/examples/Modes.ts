/** The four modes on the same three parts, of which the second fails: what each mode makes of it. */
import * as FanOut from "@portico/fanout/FanOut"
import * as Part from "@portico/fanout/Part"
import { Console, Data, Effect } from "effect"

class SoldOut extends Data.TaggedError("SoldOut")<{}> {}

const parts = {
  title: Effect.delay(Effect.succeed("Boleros"), "10 millis"),
  seats: Effect.delay(new SoldOut(), "20 millis"),
  map: Effect.delay(Effect.succeed("hall 3"), "200 millis").pipe(
    Effect.tap(() => Console.log("map done")),
    Effect.onInterrupt(() => Console.log("map interrupted"))
  )
}

const ended =
  (name: string) =>
  <A>(mode: Effect.Effect<A, SoldOut>) =>
    Effect.catchTag(mode, "SoldOut", () => Console.log(`${name} failed: SoldOut`))

await Effect.runPromise(
  Effect.gen(function* () {
    // One after the other: the third is never begun.
    yield* FanOut.serial(parts).pipe(ended("serial")) // => serial failed: SoldOut

    // At once: the failure interrupts what still runs, and waits until it has ended.
    // => map interrupted
    yield* FanOut.failFast(parts).pipe(ended("failFast")) // => failFast failed: SoldOut

    // At once, each to its own end.
    // => map done
    const settled = yield* FanOut.settle(parts)
    yield* Console.log(`${settled.title.status}, ${settled.seats.status}, ${settled.map.status}`) // => ok, failed, ok

    // At once; only what is required can fail it.
    // => map done
    const degraded = yield* FanOut.degrade({
      title: Part.required(parts.title),
      seats: Part.optional(parts.seats, { fallback: () => 0 }),
      map: Part.optional(parts.map)
    })
    yield* Console.log(`${degraded.title}, ${degraded.seats.status}, ${degraded.map.status}`) // => Boleros, fallback, ok
  })
)
