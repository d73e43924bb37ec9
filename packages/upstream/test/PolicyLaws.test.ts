import { assert, describe, it } from "@effect/vitest"
import * as Alarm from "@portico/call/Alarm"
import * as PolicyLaws from "@portico/testing/PolicyLaws"
import { type Context, Effect, Exit, Fiber, Layer, Metric, Schema } from "effect"
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
import { fromEffect, type Response, Transport } from "../src/Transport.ts"
import * as Upstream from "../src/Upstream.ts"
import { type UpstreamError } from "../src/UpstreamError.ts"

const none = Effect.succeed(0)

const sum = (alarms: Effect.Effect<number>, more: () => number) => Effect.map(alarms, (left) => left + more())

/** Hedges as early and as often as it may. */
const eager: Hedge.Options = { ...Hedge.defaults, extra: 1, floor: 1, atLeast: 10, tail: 1 }

const alone: Readonly<Record<string, PolicyLaws.Subject<PolicyLaws.Refusal | UpstreamError>>> = {
  AttemptTimeout: PolicyLaws.subject(
    Effect.sync(() => ({ policy: AttemptTimeout.make("thing", "10 seconds"), leaks: Alarm.pending }))
  ),
  "AttemptTimeout, mostly too short": PolicyLaws.subject(
    Effect.sync(() => ({ policy: AttemptTimeout.make("thing", "15 millis"), leaks: Alarm.pending }))
  ),
  Bulkhead: PolicyLaws.subject(
    Effect.sync(() => {
      const policy = Bulkhead.make({ upstream: "thing", permits: 512 })
      return { policy, leaks: Effect.sync(policy.inFlight) }
    })
  ),
  "Bulkhead, mostly full": PolicyLaws.subject(
    Effect.sync(() => {
      const policy = Bulkhead.make({ upstream: "thing", permits: 3 })
      return { policy, leaks: Effect.sync(policy.inFlight) }
    })
  ),
  Hedge: PolicyLaws.subject(Effect.sync(() => ({ policy: Hedge.make(eager), leaks: Alarm.pending }))),
  Retry: PolicyLaws.subject(
    Effect.sync(() => ({
      policy: Retry.make({ times: 2, budget: RetryBudget.make(RetryBudget.defaults) }),
      leaks: none
    }))
  ),
  "Retry, of whatever fails": PolicyLaws.subject(
    Effect.sync(() => ({
      policy: Retry.make({ times: 2, budget: RetryBudget.infinite, retryable: () => true }),
      leaks: none
    }))
  ),
  "Breaker, that opens": PolicyLaws.subject(
    Effect.sync(() => ({
      policy: Breaker.make({ ...Breaker.defaults, upstream: "thing", openFor: "10 millis", counts: () => true }),
      leaks: none
    }))
  ),
  Breaker: PolicyLaws.subject(
    Effect.sync(() => ({ policy: Breaker.make({ ...Breaker.defaults, upstream: "thing" }), leaks: none }))
  ),
  CallMetrics: PolicyLaws.subject(
    Effect.map(CallMetrics.make("thing"), (metrics) => ({ policy: metrics.policy, leaks: none }))
  )
}

/** Each call with an input of its own: what callers with the same one share is for the tests of the shared policies. */
interface Asked {
  readonly id: string
  readonly call: PolicyLaws.Call
}

const asking = <E>(ask: (asked: Asked) => Effect.Effect<number, E>): PolicyLaws.Policy<E> => {
  let asked = 0
  return (call) => Effect.suspend(() => ask({ id: String(asked++), call }))
}

const shared: typeof alone = {
  Coalesce: PolicyLaws.subject(
    Effect.map(
      Coalesce.make({
        key: ({ id }: Asked) => id,
        call: ({ call }) => call,
        limit: "1 minute",
        enough: "1 second",
        late: Exit.die("no call of these has a deadline")
      }),
      (flight) => ({ policy: asking(flight), leaks: sum(Alarm.pending, flight.size) })
    ),
    { context: "owner" }
  ),
  Batch: PolicyLaws.subject(
    Effect.map(
      Batch.make<Asked, number, PolicyLaws.Refusal, never, never>({
        group: () => "",
        // Each input has its own end within the one request.
        call: (inputs) =>
          Effect.forEach(inputs, ({ id, call }) => Effect.map(Effect.exit(call), (exit) => [id, exit] as const), {
            concurrency: "unbounded"
          }).pipe(
            Effect.map((exits) => new Map(exits)),
            Effect.map(
              (exits) =>
                ({ id }) =>
                  exits.get(id) ?? Effect.die("left out")
            )
          )
      }),
      (batch) => ({ policy: asking(batch), leaks: sum(Alarm.pending, batch.size) })
    ),
    { context: "owner" }
  ),
  Freshness: PolicyLaws.subject(
    Effect.sync(() => {
      const memory = Freshness.make<number, PolicyLaws.Refusal>({ ...Freshness.defaults, freshFor: "1 minute" })
      return { policy: asking(({ id, call }) => memory.around(id, call)), leaks: none }
    })
  )
}

class Thing extends Upstream.Service<Thing>()("laws", {
  input: Schema.Struct({ id: Schema.String }),
  output: Schema.Struct({ answer: Schema.Int }),
  errors: [Schema.instanceOf(PolicyLaws.Refusal)]
}) {}

/** The stack as an upstream has it, over a wire that runs the call asked for: a refusal travels as a 404. */
const whole = PolicyLaws.subject(
  Effect.gen(function* () {
    const calls = new Map<string, PolicyLaws.Call>()
    const refusals = new Map<string, PolicyLaws.Refusal>()
    let onWire = 0
    const answered = (status: number, answer: number): Response => ({
      status,
      headers: {},
      body: JSON.stringify({ answer })
    })
    const wire = ({ path }: { readonly path: string }) => {
      const id = path.slice("/calls/".length)
      return (calls.get(id) ?? Effect.die("nobody asked")).pipe(
        Effect.map((answer) => answered(200, answer)),
        Effect.catch((refusal) => {
          refusals.set(id, refusal)
          return Effect.succeed(answered(404, 0))
        }),
        (call) =>
          Effect.acquireUseRelease(
            Effect.sync(() => onWire++),
            () => call,
            () => Effect.sync(() => onWire--)
          )
      )
    }
    const layer = Thing.layerHttp({
      baseUrl: new URL("http://thing"),
      request: ({ id }) => Path.get`/calls/${id}`,
      on: { 404: ({ id }) => refusals.get(id) ?? Effect.die("nobody refused") },
      policies: {
        timeout: "35 millis",
        bulkhead: 80,
        hedge: eager,
        retries: 2,
        breaker: Breaker.defaults,
        freshFor: "1 second",
        staleIfError: "30 seconds"
      }
    }).pipe(Layer.provide(Layer.succeed(Transport, { connect: () => fromEffect(wire) })))
    // Its own, so that the permits taken are its own.
    const registry: Context.Service.Shape<typeof Metric.MetricRegistry> = new Map()
    const context = yield* Layer.build(layer).pipe(Effect.provideService(Metric.MetricRegistry, registry))
    const permits = Effect.map(Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry), (all) =>
      all.reduce(
        (sum, { id, state }) => (id === "upstream_in_flight" && "value" in state ? sum + Number(state.value) : sum),
        0
      )
    )
    const policy = asking(({ id, call }) => {
      calls.set(id, call)
      return Thing.fetch({ id }).pipe(
        Effect.map(({ answer }) => answer),
        Effect.provide(context)
      )
    })
    const held = Effect.zipWith(Alarm.pending, permits, (alarms, taken) => alarms + taken)
    return { policy, leaks: sum(held, () => onWire) }
  }),
  { context: "owner", ending: "begun" }
)

const obeys = <E>(name: string, subject: PolicyLaws.Subject<E>) =>
  describe(name, () => {
    for (const law of PolicyLaws.of(subject)) it.effect(law.name, () => law.check)
  })

/** Policies of which each breaks one law. */
const broken: Record<string, PolicyLaws.Policy<unknown>> = {
  "a success passes through": (call) => Effect.map(call, (answer) => answer + 1),
  "a typed error passes through": (call) => Effect.mapError(call, () => "it failed"),
  "a defect passes through": (call) => Effect.catchDefect(call, () => Effect.succeed(0)),
  "nothing runs before it is run, and what is run twice runs twice": (call) => {
    let answer: Exit.Exit<number, PolicyLaws.Refusal> | undefined
    return Effect.suspend(() => answer ?? Effect.onExit(call, (exit) => Effect.sync(() => (answer = exit))))
  },
  "interruption reaches the call": (call) =>
    Effect.flatMap(Effect.forkDetach(call, { startImmediately: true }), Fiber.join),
  "the call sees the context that it is to run in": (call) =>
    Effect.callback((resume) => {
      const fiber = Effect.runFork(call)
      fiber.addObserver(resume)
      return Fiber.interrupt(fiber)
    })
}

describe("a policy that breaks a law", () => {
  const check = (law: string, policy: PolicyLaws.Policy<unknown>, leaks: Effect.Effect<number> = none) =>
    Effect.gen(function* () {
      const subject = PolicyLaws.subject(Effect.succeed({ policy, leaks }), { runs: 300 })
      const found = PolicyLaws.of(subject).find(({ name }) => name === law)
      const result = yield* Effect.result(found?.check ?? Effect.void)
      assert.strictEqual(result._tag === "Failure" ? result.failure.law : "none is broken", law)
    })

  for (const [law, policy] of Object.entries(broken)) it.effect(`is found out: ${law}`, () => check(law, policy))

  const leaks = "nothing is left behind, however calls end and whenever callers leave"

  it.effect("is found out when a permit is lost with a caller who leaves", () =>
    Effect.suspend(() => {
      let permits = 0
      const policy: PolicyLaws.Policy<unknown> = (call) =>
        Effect.suspend(() => {
          permits++
          return Effect.tapError(
            Effect.tap(call, () => Effect.sync(() => permits--)),
            () => Effect.sync(() => permits--)
          )
        })
      return check(
        leaks,
        policy,
        Effect.sync(() => permits)
      )
    })
  )

  it.effect("is found out when a call runs on after its caller has gone", () =>
    check(leaks, (call) => Effect.flatMap(Effect.forkDetach(Effect.delay(call, "1 second")), Fiber.join))
  )

  it.effect("is found out when a call does not end", () => check("a success passes through", () => Effect.never))
})

describe("the laws of a policy", () => {
  for (const [name, subject] of Object.entries({ ...alone, ...shared })) obeys(name, subject)
  obeys("the whole stack", whole)
})
