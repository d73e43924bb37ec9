/**
 * The fault matrix on real sockets: every way an upstream misbehaves, at each of the five, in each mode. What a client gets is
 * of the right kind and in time; and afterwards nothing of it is left, in the service or between it and the upstreams.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as Faults from "@portico/testing/Faults"
import { Effect } from "effect"
import {
  assertCell,
  assertComplete,
  assertPart,
  atTheDeadline,
  dataOf,
  type Expected,
  expectations
} from "./expected.ts"
import { eventually } from "./fixture.ts"
import { all, enter, newcomer, overFive, platforms, type Service, slack, well } from "./five.ts"
import * as Watch from "./watch.ts"

const modes = ["failfast", "settle", "degrade"] as const

// Only a silent upstream makes anybody wait so long. Others should not be taken for silent on a busy machine.
const silent = { attempt: 150, deadline: 600 }
const answering = { attempt: 400, deadline: 1_000 }

/** At which age in milliseconds good data is not fresh any more, and not too old to stand in: only for optional parts. */
const staleAt: Partial<Record<RoomUpstreams.Name, number>> = {
  version: 120_000,
  equity: 1_000,
  statistics: 5_000
}

/** An entry in each mode, all at once, and what becomes of it. */
const enterInEachMode = (service: Service, upstream: RoomUpstreams.Name, expected: Expected) =>
  Effect.all(
    modes.map((mode, index) =>
      Effect.map(enter(service, mode, platforms[index]), (entered) => assertCell(entered, mode, upstream, expected))
    ),
    { concurrency: "unbounded", discard: true }
  )

// The first entry of a process loads and compiles what the others find there.
beforeAll(() =>
  Effect.runPromise(
    Effect.scoped(
      Watch.watched((watch) =>
        overFive(watch, { attempt: 5_000, deadline: 20_000 }, (service) => enter(service, "settle"))
      )
    )
  )
)

describe("the fault matrix", () => {
  for (const fault of Object.keys(Faults.all) as Array<Faults.Name>) {
    const expected = expectations[fault]
    const limits = expected.reason === "Timeout" ? silent : answering

    for (const upstream of RoomUpstreams.names) {
      it.live(`${fault} at ${upstream}: each mode's own answer in time, then a good one, and nothing is left`, () =>
        Watch.watched((watch) =>
          Watch.leavingNothing(
            overFive(watch, limits, (service) =>
              Effect.gen(function* () {
                const faulty = service.upstreams[upstream]
                yield* faulty.become(Faults.all[fault])
                yield* enterInEachMode(service, upstream, expected)

                assert.strictEqual(faulty.requests.length, modes.length * expected.requests)
                yield* service.rests
                if (!expected.whole) yield* eventually(() => faulty.open() === 0)
                for (const { open } of all(service.upstreams)) assert.isAtMost(open(), modes.length)

                yield* faulty.become(well)
                const viewer = newcomer()
                assertComplete(yield* enter(service, "degrade", "web", viewer))

                const old = staleAt[upstream]
                if (old === undefined) return
                watch.jump(old)
                yield* faulty.become(Faults.all[fault])
                const entered = yield* enter(service, "degrade", "web", viewer)
                const stale = { status: "stale", data: dataOf(viewer, upstream) }
                const age = assertPart(entered, upstream, expected, stale)
                assert.isAtLeast(age, old)
                assert.isBelow(age, old + 2 * (limits.deadline + slack))
                // Only where an answer may be a lesser one.
                assertPart(yield* enter(service, "settle", "web", viewer), upstream, expected, { status: "failed" })
              })
            )
          )
        )
      )
    }
  }

  for (const fault of ["hang", "drip"] as const) {
    for (const upstream of RoomUpstreams.names) {
      it.live(`${fault} at ${upstream}, for longer than the entry has: its deadline ends it in every mode`, () =>
        Watch.watched((watch) =>
          Watch.leavingNothing(
            overFive(watch, { attempt: 10_000, deadline: 500 }, (service) =>
              Effect.gen(function* () {
                const faulty = service.upstreams[upstream]
                yield* faulty.become(Faults.all[fault])
                yield* enterInEachMode(service, upstream, atTheDeadline)
                assert.strictEqual(faulty.requests.length, modes.length)
                yield* service.rests
                yield* eventually(() => faulty.open() === 0)
              })
            )
          )
        )
      )
    }
  }
})
