/**
 * Coalesce against a model of it in plain code: whoever arrives, leaves, runs out of time or is answered in whatever order,
 * the model says what each caller gets, which flights there were, and what is left.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import { Deferred, Effect, Exit, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Coalesce from "../src/Coalesce.ts"
import { callers, End, end, Leave, passUpTo, pick } from "./Modelled.ts"

/** How long a flight may last: less than some callers have, and than a few steps take. */
const limit = 30

/** What one attempt takes. */
const enough = 20

const Key = Schema.Literals(["a", "b"])
const Arrive = Schema.TaggedStruct("arrive", { key: Key, budget: Schema.NullOr(Schema.Literals([5, 15, 25, 40])) })
const Step = Schema.Union([
  // More come than go.
  Arrive,
  Arrive,
  Leave,
  End,
  passUpTo(20)
])
type Step = typeof Step.Type

interface ModelFlight {
  readonly name: string
  readonly key: string
  /** Its limit, and until when the upstream was told that it has. */
  readonly until: number
  readonly told: number
  readonly waiters: Set<number>
  state: "flying" | "dying" | "ended" | "cancelled"
  /** When its cancellation is done, and what its last caller gets then. */
  goneAt: number
  last: readonly [caller: number, outcome: string] | undefined
}

/** What Coalesce should do. `finalizer`: how long it takes to cancel a flight. */
class Model {
  now = 0
  readonly flights: Array<ModelFlight> = []
  /** What each caller got; undefined while it waits. */
  readonly outcomes: Array<string | undefined> = []
  private readonly deadlines: Array<number> = []
  private readonly open = new Map<string, ModelFlight>()
  private readonly finalizer: number

  constructor(finalizer: number) {
    this.finalizer = finalizer
  }

  step(step: Step): void {
    if (step._tag === "arrive") this.arrive(step.key, this.now + (step.budget ?? Infinity))
    else if (step._tag === "leave") this.leave(pick(this.waiting(), step.nth), "interrupted")
    else if (step._tag === "end") this.end(pick(this.flying(), step.nth), step.how)
    else for (let passed = 0; passed < step.millis; passed++) this.tick()
  }

  waiting = () => this.flights.flatMap(({ waiters }) => Array.from(waiters))
  flying = () => this.flights.filter(({ state }) => state === "flying")
  /** How many flights have not ended: those that are being cancelled have not. */
  size = () => this.flights.filter(({ state }) => state === "flying" || state === "dying").length
  /** A caller's deadline, and a flight's limit. */
  alarms = () => this.waiting().filter((caller) => this.deadlines[caller] !== Infinity).length + this.flying().length

  private arrive(key: string, until: number) {
    const caller = this.outcomes.push(undefined) - 1
    this.deadlines.push(until)
    let flight = this.open.get(key)
    const needed = Math.min(enough, until - this.now)
    if (flight === undefined || 2 * (flight.told - this.now) < needed) {
      const name = `${key}${this.flights.length}`
      const told = until - this.now < enough ? until : Infinity
      const ends = this.now + limit
      flight = { name, key, until: ends, told, waiters: new Set(), state: "flying", goneAt: Infinity, last: undefined }
      this.flights.push(flight)
      this.open.set(key, flight)
    }
    flight.waiters.add(caller)
  }

  private leave(caller: number | undefined, outcome: string) {
    const flight = this.flights.find(({ waiters }) => caller !== undefined && waiters.has(caller))
    if (flight === undefined || caller === undefined) return
    flight.waiters.delete(caller)
    if (flight.waiters.size > 0) {
      this.outcomes[caller] = outcome
      return
    }
    flight.last = [caller, outcome]
    this.cut(flight)
    this.bury()
  }

  private cut(flight: ModelFlight) {
    if (flight.state !== "flying") return
    this.free(flight)
    flight.state = "dying"
    flight.goneAt = this.now + this.finalizer
  }

  private end(flight: ModelFlight | undefined, how: string) {
    if (flight === undefined) return
    this.free(flight)
    flight.state = "ended"
    for (const caller of flight.waiters) this.outcomes[caller] = `${how} of ${flight.name}`
    flight.waiters.clear()
  }

  private tick() {
    this.now++
    for (const flight of this.flying()) if (flight.until === this.now) this.cut(flight)
    for (const caller of this.waiting()) if (this.deadlines[caller] === this.now) this.leave(caller, "late")
    this.bury()
  }

  private bury() {
    for (const flight of this.flights) {
      if (flight.state !== "dying" || flight.goneAt > this.now) continue
      flight.state = "cancelled"
      if (flight.last !== undefined) this.outcomes[flight.last[0]] = flight.last[1]
      for (const caller of flight.waiters) this.outcomes[caller] = "late"
      flight.waiters.clear()
    }
  }

  private free(flight: ModelFlight) {
    if (this.open.get(flight.key) === flight) this.open.delete(flight.key)
  }
}

interface RealFlight {
  readonly gate: Deferred.Deferred<string, string>
  state: ModelFlight["state"]
}

/** Takes the same steps with a real Coalesce. */
const real = (finalizer: number) =>
  Effect.gen(function* () {
    const flights: Array<RealFlight> = []
    const { arrive, leave, outcomes } = callers()
    const call = () =>
      Effect.suspend(() => {
        const flight: RealFlight = { gate: Deferred.makeUnsafe(), state: "flying" }
        flights.push(flight)
        const turn = (state: RealFlight["state"]) => Effect.sync(() => (flight.state = state))
        const cancelled = turn("dying").pipe(Effect.andThen(Effect.sleep(finalizer)), Effect.andThen(turn("cancelled")))
        return Effect.onExit(Deferred.await(flight.gate), (exit) =>
          Exit.hasInterrupts(exit) ? cancelled : turn("ended")
        )
      })
    const fetch = yield* Coalesce.make({
      key: (key: string) => key,
      call,
      limit,
      enough,
      late: Exit.fail("late")
    })
    const step = (step: Step, model: Model): Effect.Effect<void> =>
      Effect.gen(function* () {
        switch (step._tag) {
          case "arrive":
            return yield* arrive(fetch(step.key).pipe(Deadline.within(step.budget ?? Infinity)))
          case "leave":
            return leave(pick(model.waiting(), step.nth))
          case "end": {
            const flight = pick(model.flying(), step.nth)
            const gate = flights[flight === undefined ? -1 : model.flights.indexOf(flight)]?.gate
            if (flight === undefined || gate === undefined) return
            const says = `${step.how} of ${flight.name}`
            yield* end(gate, step.how, { value: says, says })
            return
          }
          case "pass":
            return yield* TestClock.adjust(step.millis)
        }
      })
    return { fetch, step, flights, outcomes }
  })

describe("Coalesce and its model", () => {
  it.effect.prop(
    "agree on what every caller gets, whatever the order of events",
    { steps: Schema.Array(Step), finalizer: Schema.Literals([0, 7]) },
    ({ steps, finalizer }) =>
      Effect.gen(function* () {
        // A TestClock that was never adjusted does not let an interrupted fiber sleep.
        yield* TestClock.adjust(1)
        const model = new Model(finalizer)
        const { fetch, step, flights, outcomes } = yield* real(finalizer)
        const take = (one: Step) =>
          Effect.gen(function* () {
            yield* step(one, model)
            model.step(one)
            assert.deepStrictEqual(outcomes(), model.outcomes)
            assert.deepStrictEqual(
              flights.map(({ state }) => state),
              model.flights.map(({ state }) => state)
            )
            assert.strictEqual(fetch.size(), model.size())
            assert.strictEqual(yield* Alarm.pending, model.alarms())
          })
        for (const one of steps) yield* take(one)
        // Then everybody leaves, and nothing is left.
        while (model.waiting().length > 0) yield* take({ _tag: "leave", nth: 0 })
        yield* take({ _tag: "pass", millis: 7 })
        assert.strictEqual(fetch.size(), 0)
        assert.strictEqual(yield* Alarm.pending, 0)
      }),
    { arbitrary: { runs: 300, size: 60, seed: "coalesce" } }
  )
})
