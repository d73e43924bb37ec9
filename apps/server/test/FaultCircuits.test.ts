/**
 * The circuits of the five upstreams on real sockets: a fault opens them, what is open is not asked, and what is well again is
 * asked again.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as Faults from "@portico/testing/Faults"
import type * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Clock, Effect, Metric } from "effect"
import { assertComplete } from "./expected.ts"
import { partsOf } from "./fixture.ts"
import { all, enter, enterThrice, overFive, type Service, type Upstreams, well } from "./five.ts"
import * as Watch from "./watch.ts"

const limits = { attempt: 150, deadline: 700 }

/** The longest that a first opening lasts, in milliseconds. */
const opening = 1_200

/** Of each of the five: whether its circuit is closed, half-open or open, as the metrics say. */
const circuits = Effect.map(Metric.snapshot, (series) =>
  RoomUpstreams.names.map((name) => {
    const found = series.find(
      ({ id, attributes }) => id === "upstream_circuit_state" && attributes?.["upstream"] === name
    )
    return found?.type === "Gauge" ? ["closed", "half-open", "open"][Number(found.state.value)] : undefined
  })
)

const every = (state: string) => RoomUpstreams.names.map(() => state)

const becomeAll = (upstreams: Upstreams, behaviour: ScriptedServer.Behaviour) =>
  Effect.forEach(all(upstreams), ({ become }) => become(behaviour), { discard: true })

/** Enters until every circuit is open, so many times at most. */
const enterUntilOpen = (service: Service, most: number) =>
  Effect.gen(function* () {
    for (let round = 1; round <= most; round++) {
      yield* enterThrice(service, "settle")
      const now = yield* circuits
      // It takes twenty calls, and these are three.
      if (round < 7) assert.deepStrictEqual(now, every("closed"), `after round ${round}`)
      if (now.every((state) => state === "open")) return
    }
  })

const requestsAt = (upstreams: Upstreams) => all(upstreams).reduce((sum, { requests }) => sum + requests.length, 0)

/** All five refuse, at once and without asking. */
const assertRefused = (service: Service) =>
  Effect.gen(function* () {
    const asked = requestsAt(service.upstreams)
    const fast = (yield* enter(service, "failfast")).answer
    assert.strictEqual(fast.status, 503)
    assert.deepInclude(fast.body, { _tag: "UpstreamError", reason: "Rejected" })
    assert.match(fast.headers.get("retry-after") ?? "", /^[12]$/)
    const settled = (yield* enter(service, "settle")).answer
    assert.strictEqual(settled.status, 200)
    for (const [upstream, { status, error }] of Object.entries(partsOf(settled))) {
      assert.strictEqual(status, "failed")
      assert.deepInclude(error, { _tag: "UpstreamError", reason: "Rejected", upstream })
    }
    assert.strictEqual(requestsAt(service.upstreams), asked)
  })

/** Within 3 seconds of `since` entries are complete again, and every circuit closed. */
const assertRecovers = (service: Service, since: number) =>
  Effect.gen(function* () {
    for (;;) {
      const entered = yield* enterThrice(service, "degrade")
      if (entered.every(({ answer }) => answer.body["complete"] === true)) {
        for (const one of entered) assertComplete(one)
        assert.deepStrictEqual(yield* circuits, every("closed"))
        return
      }
      assert.isBelow((yield* Clock.currentTimeMillis) - since, 3_000)
      yield* Effect.sleep("50 millis")
    }
  })

/** Breaks all five, and heals them. */
const breakAndHeal = (
  behaviour: ScriptedServer.Behaviour,
  circuit: "open" | "closed",
  wait: (watch: Watch.Watch) => Effect.Effect<void>
) =>
  Watch.watched((watch) =>
    Watch.leavingNothing(
      overFive(watch, limits, (service) =>
        Effect.gen(function* () {
          yield* becomeAll(service.upstreams, behaviour)
          yield* enterUntilOpen(service, 10)
          assert.deepStrictEqual(yield* circuits, every(circuit))
          if (circuit === "open") yield* assertRefused(service)
          yield* becomeAll(service.upstreams, well)
          const healed = yield* Clock.currentTimeMillis
          yield* wait(watch)
          yield* assertRecovers(service, healed)
        })
      )
    )
  )

const jump = ({ jump }: Watch.Watch) => Effect.sync(() => jump(opening))

const opens: Readonly<Record<string, ScriptedServer.Behaviour>> = {
  ...Faults.all,
  // A pause that no caller waits for must not make a sick upstream look well.
  "503 that asks for a pause": Faults.answering(503, "", "retry-after: 1\r\n")
}

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

describe("circuits", () => {
  for (const [fault, behaviour] of Object.entries(opens)) {
    if (fault === "429") continue
    it.live(`${fault} at all five: they open, refuse without asking, and close when it is over`, () =>
      breakAndHeal(behaviour, "open", jump)
    )
  }

  it.live("429 at all five: they stay closed, for an upstream that sets limits is well", () =>
    breakAndHeal(Faults.all["429"], "closed", () => Effect.void)
  )

  it.live("close within 3 seconds of the healing, when nobody puts the clock forward", () =>
    breakAndHeal(Faults.all["500"], "open", () => Effect.void)
  )
})
