import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Deferred, type Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Workers from "../src/Workers.ts"
import type { WorkersProcess } from "../src/WorkersProcess.ts"

/** How one played worker lives: when it listens, if it does, and when it ends. */
interface Life {
  /** From when to when it does not answer, in milliseconds; it does not end then, unless it is killed. */
  readonly hangs?: readonly [number, number]
  readonly listens?: Duration.Input
  readonly lives: Duration.Input
}

/** A place whose workers live as the lives say, the last of them over and over. */
const play = (...lives: ReadonlyArray<Life>) =>
  Effect.gen(function* () {
    const starts: Array<number> = []
    const released: Array<number> = []
    const ups: Array<boolean> = []
    let downs = 0
    const start = Effect.gen(function* () {
      const pid = starts.length
      starts.push(yield* Clock.currentTimeMillis)
      yield* Effect.addFinalizer(() => Effect.sync(() => void released.push(pid)))
      const life = lives[Math.min(pid, lives.length - 1)]
      const killed = Deferred.makeUnsafe<string>()
      const [from, to] = life?.hangs ?? [Infinity, Infinity]
      const worker: WorkersProcess = {
        pid,
        listening: life?.listens === undefined ? Effect.never : Effect.sleep(life.listens),
        ended: Effect.raceFirst(Effect.as(Effect.sleep(life?.lives ?? 0), "with code 7"), Deferred.await(killed)),
        ask: Effect.flatMap(Clock.currentTimeMillis, (now) =>
          now < from || now >= to ? Effect.succeed("") : Effect.never
        ),
        kill: Effect.sync(() => Deferred.doneUnsafe(killed, Effect.succeed("by SIGKILL")))
      }
      return worker
    })
    const keeping = yield* Effect.forkChild(
      Workers.keep("worker 1", start, {
        up: (_, isFirst) => Effect.sync(() => void ups.push(isFirst)),
        down: () => Effect.sync(() => void downs++)
      })
    )
    return { keeping, starts, released, ups, downs: () => downs }
  })

describe("keeping a worker running", () => {
  it.effect("one that keeps dying at once is replaced after pauses that double, up to ten seconds", () =>
    Effect.gen(function* () {
      const { starts } = yield* play({ listens: 0, lives: 0 })
      yield* TestClock.adjust("1 minute")
      const pauses = starts.slice(1).map((at, i) => at - (starts[i] ?? 0))
      assert.deepStrictEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000])
    })
  )

  it.effect("one that does not come to listen counts as one that died, once the place has had one that did", () =>
    Effect.gen(function* () {
      const { starts, ups, downs, keeping } = yield* play({ listens: 0, lives: 0 }, { lives: 0 })
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(starts, [0, 100, 300, 700])
      assert.deepStrictEqual(ups, [true])
      assert.strictEqual(downs(), 1)
      assert.isUndefined(keeping.pollUnsafe())
    })
  )

  it.effect("after one that lived for a while the pause is short again", () =>
    Effect.gen(function* () {
      const short = { listens: 0, lives: 0 }
      const { starts, ups } = yield* play(short, short, short, { listens: 0, lives: "10 seconds" }, short)
      yield* TestClock.adjust("10900 millis")
      assert.deepStrictEqual(starts, [0, 100, 300, 700, 10_800])
      assert.deepStrictEqual(ups, [true, false, false, false, false])
    })
  )

  it.effect("if not even the first comes to listen it fails, and says how that one ended", () =>
    Effect.gen(function* () {
      const { keeping, starts } = yield* play({ lives: "300 millis" })
      yield* TestClock.adjust("1 minute")
      const exit = yield* Fiber.await(keeping)
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) {
        assert.include(Cause.pretty(exit.cause), "worker 1 ended with code 7 before it listened")
      }
      assert.deepStrictEqual(starts, [0])
    })
  )

  it.effect("one that has not answered for ten seconds is killed, and replaced", () =>
    Effect.gen(function* () {
      const hangs = { listens: 0, lives: "1 hour", hangs: [31_000, Infinity] } as const
      const { starts, released, downs } = yield* play(hangs, { listens: 0, lives: "1 hour" })
      // It last answered at 30 s, and is asked again at 32.
      yield* TestClock.adjust("41999 millis")
      assert.deepStrictEqual([starts, downs()], [[0], 0])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual([released, downs()], [[0], 1])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(starts.slice(0, 2), [0, 42_100])
    })
  )

  it.effect(
    "one that answers the second question does not hang: the first was asked before a pause of everything",
    () =>
      Effect.gen(function* () {
        const { starts, downs } = yield* play({ listens: 0, lives: "1 hour", hangs: [31_000, 36_000] })
        yield* TestClock.adjust("59 minutes")
        assert.deepStrictEqual([starts, downs()], [[0], 0])
      })
  )

  it.effect("its worker ends with it", () =>
    Effect.gen(function* () {
      const { keeping, starts, released } = yield* play({ listens: "1 second", lives: "1 hour" })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(released, [])
      yield* Fiber.interrupt(keeping)
      assert.deepStrictEqual(released, [0])
      assert.deepStrictEqual(starts, [0])
    })
  )
})
