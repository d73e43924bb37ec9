/**
 * Batch against a model of it in plain code: whoever arrives, leaves or is answered in whatever order, the model says what was
 * asked for together, what each caller gets, and what is left.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import { Deferred, Effect, Exit, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Batch from "../src/Batch.ts"
import { callers, End, end, Leave, passUpTo, pick } from "./Modelled.ts"

const windowMillis = 3
const max = 4

const Arrive = Schema.TaggedStruct("arrive", { group: Schema.Literals(["a", "b"]) })
const Step = Schema.Union([
  // More come than go.
  Arrive,
  Arrive,
  Arrive,
  Leave,
  End,
  passUpTo(4)
])
type Step = typeof Step.Type

/** What one caller asks for: its number is the id. */
interface Input {
  readonly group: string
  readonly id: number
}

/** What a good answer says of an id: of every fourth, that there is no such thing; of every seventh, it is spoilt. */
const verdict = (id: number): string => (id % 4 === 3 ? `no ${id}` : id % 7 === 6 ? `bug in ${id}` : `item ${id}`)

interface ModelBatch {
  readonly group: string
  readonly sendAt: number
  readonly waiters: Set<number>
  asked: ReadonlyArray<number> | undefined
  state: "gathering" | "sent" | "ended" | "cancelled" | "forgotten"
}

class Model {
  now = 0
  readonly batches: Array<ModelBatch> = []
  /** What each caller got; undefined while it waits. */
  readonly outcomes: Array<string | undefined> = []
  readonly sent: Array<ModelBatch> = []

  step(step: Step): void {
    if (step._tag === "arrive") this.arrive(step.group)
    else if (step._tag === "leave") this.leave(pick(this.waiting(), step.nth))
    else if (step._tag === "end") this.end(pick(this.underWay(), step.nth), step.how)
    else for (let passed = 0; passed < step.millis; passed++) this.tick()
  }

  waiting = () => this.batches.flatMap(({ waiters }) => Array.from(waiters))
  underWay = () => this.sent.filter(({ state }) => state === "sent")
  gathering = () => this.batches.filter(({ state }) => state === "gathering")

  private arrive(group: string) {
    const caller = this.outcomes.push(undefined) - 1
    let batch = this.gathering().find((batch) => batch.group === group)
    if (batch === undefined) {
      batch = { group, sendAt: this.now + windowMillis, waiters: new Set(), asked: undefined, state: "gathering" }
      this.batches.push(batch)
    }
    batch.waiters.add(caller)
    if (batch.waiters.size === max) this.send(batch)
  }

  private leave(caller: number | undefined) {
    const batch = this.batches.find(({ waiters }) => caller !== undefined && waiters.has(caller))
    if (batch === undefined || caller === undefined) return
    batch.waiters.delete(caller)
    this.outcomes[caller] = "interrupted"
    if (batch.waiters.size === 0) batch.state = batch.state === "gathering" ? "forgotten" : "cancelled"
  }

  private end(batch: ModelBatch | undefined, how: string) {
    if (batch === undefined) return
    batch.state = "ended"
    for (const caller of batch.waiters) this.outcomes[caller] = how === "good" ? verdict(caller) : how
    batch.waiters.clear()
  }

  private tick() {
    this.now++
    for (const batch of this.gathering()) if (batch.sendAt === this.now) this.send(batch)
  }

  private send(batch: ModelBatch) {
    batch.state = "sent"
    batch.asked = Array.from(batch.waiters)
    this.sent.push(batch)
  }
}

const byFirst = (requests: ReadonlyArray<Pick<ModelBatch, "asked" | "state">>) =>
  requests.map(({ asked, state }) => ({ asked, state })).sort((a, b) => (a.asked?.[0] ?? 0) - (b.asked?.[0] ?? 0))

type Say = (input: Input) => Effect.Effect<string, string>

const say: Say = ({ id }) => {
  const said = verdict(id)
  if (said.startsWith("item")) return Effect.succeed(said)
  return said.startsWith("no") ? Effect.fail(said) : Effect.die(said)
}

interface RealRequest {
  readonly asked: ReadonlyArray<number>
  readonly gate: Deferred.Deferred<Say, string>
  state: ModelBatch["state"]
}

/** Takes the same steps with a real Batch. */
const real = Effect.gen(function* () {
  const requests: Array<RealRequest> = []
  const { count, arrive, leave, outcomes } = callers()
  const fetch = yield* Batch.make({
    group: ({ group }: Input) => group,
    call: (inputs: ReadonlyArray<Input>) =>
      Effect.suspend(() => {
        const request: RealRequest = {
          asked: inputs.map(({ id }) => id),
          gate: Deferred.makeUnsafe(),
          state: "sent"
        }
        requests.push(request)
        return Effect.onExit(Deferred.await(request.gate), (exit) =>
          Effect.sync(() => {
            request.state = Exit.hasInterrupts(exit) ? "cancelled" : "ended"
          })
        )
      }),
    window: windowMillis,
    max
  })
  const step = (step: Step, model: Model): Effect.Effect<void> =>
    Effect.gen(function* () {
      switch (step._tag) {
        case "arrive":
          return yield* arrive(fetch({ group: step.group, id: count() }))
        case "leave":
          return leave(pick(model.waiting(), step.nth))
        case "end": {
          const batch = pick(model.underWay(), step.nth)
          // By what was asked: which of two goes first at one instant is not promised.
          const gate = requests.find(({ asked }) => asked[0] === batch?.asked?.[0])?.gate
          if (gate !== undefined) yield* end(gate, step.how, { value: say, says: step.how })
          return
        }
        case "pass":
          return yield* TestClock.adjust(step.millis)
      }
    })
  return { fetch, step, requests, outcomes }
})

describe("Batch and its model", () => {
  it.effect.prop(
    "agree on what is asked for together and on what every caller gets, whatever the order of events",
    { steps: Schema.Array(Step) },
    ({ steps }) =>
      Effect.gen(function* () {
        const model = new Model()
        const { fetch, step, requests, outcomes } = yield* real
        const take = (one: Step) =>
          Effect.gen(function* () {
            yield* step(one, model)
            model.step(one)
            assert.deepStrictEqual(outcomes(), model.outcomes)
            assert.deepStrictEqual(byFirst(requests), byFirst(model.sent))
            assert.strictEqual(fetch.size(), model.gathering().length + model.underWay().length)
            assert.strictEqual(yield* Alarm.pending, model.gathering().length)
          })
        for (const one of steps) yield* take(one)
        // Then everybody leaves, and nothing is left.
        while (model.waiting().length > 0) yield* take({ _tag: "leave", nth: 0 })
        assert.strictEqual(fetch.size(), 0)
        assert.strictEqual(yield* Alarm.pending, 0)
      }),
    { arbitrary: { runs: 300, size: 60, seed: "batch" } }
  )
})
