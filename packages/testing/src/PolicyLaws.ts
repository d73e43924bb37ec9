/**
 * The laws that every policy obeys, whatever it is for. A policy that keeps them can be put anywhere in a stack.
 *
 * Use it for a policy of your own. Each law makes a policy for itself, runs on a clock of its own that takes no time, and is
 * an Effect that fails with what was broken: any test framework will do.
 *
 * @example
 * const subject = PolicyLaws.subject(Effect.sync(() => ({ policy: mine(), leaks: Effect.succeed(0) })))
 * for (const law of PolicyLaws.of(subject)) it.effect(law.name, () => law.check)
 */
import { Cause, Context, Data, Effect, Exit, Fiber, Random, Scheduler, type Scope } from "effect"
import { TestClock } from "effect/testing"

/** The typed error of the calls that the laws run: an answer of the domain, which no policy meddles with. */
export class Refusal extends Data.TaggedError("Refusal")<{ readonly call: number }> {}

/** What the laws put under a policy. */
export type Call = Effect.Effect<number, Refusal>

/** What is under test: anything that makes an Effect of an Effect; `E` is whatever may go wrong with that. */
export interface Policy<E> {
  (call: Call): Effect.Effect<number, E>
}

/** A policy under test, and what of its behaviour is a matter of choice. */
export interface Subject<E> {
  /** A policy with nothing under way, and a number that is zero whenever nothing is: permits held, timers, flights. */
  readonly make: Effect.Effect<
    { readonly policy: Policy<E>; readonly leaks: Effect.Effect<number> },
    never,
    Scope.Scope
  >
  /** Whose context the call runs in. The caller's, except where callers share calls: then its owner's. */
  readonly context: "caller" | "owner"
  /** Whether a caller who leaves waits until the call has ended, or only sees to it that it will: over a socket, say. */
  readonly ending: "awaited" | "begun"
  /** How many calls the law about leaks makes. */
  readonly runs: number
}

/** A subject as most are: it runs in the caller's context, who waits for its end. 10,000 calls. */
export const subject = <E>(make: Subject<E>["make"], options: Partial<Omit<Subject<E>, "make">> = {}): Subject<E> => ({
  make,
  context: "caller",
  ending: "awaited",
  runs: 10_000,
  ...options
})

/** A policy breaks a law: which, and how. */
export class LawBroken extends Data.TaggedError("LawBroken")<{ readonly law: string; readonly why: string }> {
  override get message() {
    return `${this.law}: ${this.why}`
  }
}

/** One law: a sentence, and the Effect that fails where it does not hold. */
export interface Law {
  readonly name: string
  readonly check: Effect.Effect<void, LawBroken>
}

/** Every law, ready to be checked against `subject`. */
export const of = <E>(subject: Subject<E>): ReadonlyArray<Law> =>
  Object.entries(laws).map(([name, law]) => ({
    name,
    check: law(subject).pipe(
      Effect.mapError((why) => new LawBroken({ law: name, why })),
      Effect.scoped,
      Effect.provide(TestClock.layer()),
      Random.withSeed("the laws of a policy")
    )
  }))

type Check = <E>(subject: Subject<E>) => Effect.Effect<void, string, Scope.Scope>

const laws: Readonly<Record<string, Check>> = {
  "a success passes through": ({ make }) =>
    Effect.gen(function* () {
      const { policy } = yield* make
      yield* expectExit(yield* run(policy(Effect.succeed(7))), Exit.succeed(7))
      yield* expectExit(yield* run(policy(Effect.as(Effect.sleep(5), 8))), Exit.succeed(8))
    }),

  "a typed error passes through": ({ make }) =>
    Effect.gen(function* () {
      const { policy } = yield* make
      const refusal = new Refusal({ call: 1 })
      yield* expectExit(yield* run(policy(Effect.fail(refusal))), Exit.fail(refusal))
      yield* expectExit(yield* run(policy(Effect.andThen(Effect.sleep(5), refusal))), Exit.fail(refusal))
    }),

  "a defect passes through": ({ make }) =>
    Effect.gen(function* () {
      const { policy } = yield* make
      const bug = new Bug()
      yield* expectExit(yield* run(policy(Effect.die(bug))), Exit.die(bug))
      yield* expectExit(yield* run(policy(Effect.andThen(Effect.sleep(5), Effect.die(bug)))), Exit.die(bug))
    }),

  "nothing runs before it is run, and what is run twice runs twice": ({ make }) =>
    Effect.gen(function* () {
      const { policy } = yield* make
      let runs = 0
      const policed = policy(Effect.sync(() => ++runs))
      yield* expect(runs === 0, "the call ran when the policy was put around it")
      yield* expectExit(yield* run(policed), Exit.succeed(1))
      yield* expectExit(yield* run(policed), Exit.succeed(2))
    }),

  "interruption reaches the call": ({ make, ending }) =>
    Effect.gen(function* () {
      const { policy, leaks } = yield* make
      const at: { state: "not begun" | "under way" | "ending" | "ended" } = { state: "not begun" }
      const call = Effect.suspend(() => {
        at.state = "under way"
        return Effect.never
      }).pipe(
        Effect.onInterrupt(() => {
          at.state = "ending"
          return Effect.andThen(
            Effect.sleep(100),
            Effect.sync(() => (at.state = "ended"))
          )
        })
      )
      const caller = yield* Effect.forkChild(policy(call))
      yield* TestClock.adjust(10)
      yield* expect(at.state === "under way", `the call is ${at.state}`)
      const interruption = yield* Effect.forkChild(Fiber.interrupt(caller))
      yield* TestClock.adjust(50)
      yield* expect(at.state === "ending", `the caller was interrupted and the call is ${at.state}`)
      if (ending === "awaited") {
        yield* expect(caller.pollUnsafe() === undefined, "the caller went on before the call had ended")
      }
      yield* ended(interruption)
      if (ending === "begun") yield* TestClock.adjust(50)
      yield* expect(at.state === "ended", `the caller has ended and the call is ${at.state}`)
      const exit = yield* ended(caller)
      yield* expect(Exit.hasInterrupts(exit), "the caller was interrupted and does not say so")
      yield* expectNone(leaks)
    }),

  "the call sees the context that it is to run in": ({ make, context }) =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const call = Effect.andThen(Ambient, (ambient) => Effect.sync(() => seen.push(ambient)))
      const { policy } = yield* Effect.provideService(make, Ambient, "owner")
      yield* run(Effect.provideService(policy(call), Ambient, "caller"))
      yield* expect(seen.length === 1 && seen[0] === context, `it saw the context of: ${seen.join(", ")}`)
    }),

  "nothing is left behind, however calls end and whenever callers leave": ({ make, ending, runs }) =>
    Effect.gen(function* () {
      const { policy, leaks } = yield* make
      const tally: Tally = { underWay: 0, strange: [] }
      for (let made = 0; made < runs; made += together) {
        const calls = Effect.forEach(
          Array.from({ length: Math.min(together, runs - made) }),
          (_, index) => Effect.flatMap(draw(made + index), (plan) => follow(plan, policy, tally)),
          { concurrency: "unbounded", discard: true }
        )
        yield* expectExit(yield* run(calls), Exit.void)
        if (ending === "begun") yield* Effect.replicateEffect(Effect.yieldNow, 100, { discard: true })
        yield* expect(tally.underWay === 0, `${tally.underWay} calls run on after their callers have gone`)
        yield* expectNone(leaks)
      }
      yield* expect(tally.strange.length === 0, `not the call's own end: ${tally.strange.slice(0, 3).join(", ")}`)
    })
}

class Bug extends Error {}

const Ambient = Context.Reference<string>("@portico/testing/PolicyLaws/Ambient", { defaultValue: () => "nobody" })

/** How many calls at once the law about leaks makes. */
const together = 100

/** A call and its caller's patience, drawn at random. */
interface Plan {
  readonly id: number
  readonly millis: number
  readonly end: "success" | "refusal" | "defect"
  /** When the caller leaves: after so many turns and so much time, or never. */
  readonly leaves: { readonly turns: number; readonly millis: number } | undefined
  /** How many steps a fiber makes in one go: few let an interruption come between any two. */
  readonly steps: number
  readonly immediately: boolean
}

const draw = (id: number): Effect.Effect<Plan> =>
  Effect.gen(function* () {
    const below = (bound: number) => Random.nextIntBetween(0, bound, { halfOpen: true })
    const pick = <T>(choices: readonly [T, ...ReadonlyArray<T>]) =>
      Effect.map(below(choices.length), (index) => choices[index] ?? choices[0])
    const turns = yield* below(20)
    const millis = yield* below(40)
    return {
      id,
      millis: (yield* Random.nextBoolean) ? 0 : yield* below(40),
      end: yield* pick<Plan["end"]>(["success", "success", "refusal", "defect"]),
      leaves: yield* pick<Plan["leaves"]>([
        undefined,
        { turns, millis: 0 },
        { turns: 0, millis },
        { turns: 0, millis: 0 }
      ]),
      // With less than three a fiber would do nothing but yield.
      steps: (yield* Random.nextBoolean) ? 3 + (yield* below(6)) : 2048,
      immediately: yield* Random.nextBoolean
    }
  })

interface Tally {
  underWay: number
  readonly strange: Array<string>
}

/** Makes the call, and leaves it or waits for it as the plan says. */
const follow = <E>(plan: Plan, policy: Policy<E>, tally: Tally): Effect.Effect<void> =>
  Effect.gen(function* () {
    const bug = new Bug()
    const caller = yield* policy(planned(plan, bug, tally)).pipe(
      Effect.provideService(Scheduler.MaxOpsBeforeYield, plan.steps),
      Effect.forkChild({ startImmediately: plan.immediately })
    )
    if (plan.leaves !== undefined) {
      for (let turn = 0; turn < plan.leaves.turns; turn++) yield* Effect.yieldNow
      yield* Effect.sleep(plan.leaves.millis)
      yield* Fiber.interrupt(caller)
    }
    const exit = yield* Fiber.await(caller)
    const own = Exit.isSuccess(exit)
      ? plan.end === "success" && exit.value === plan.id
      : exit.cause.reasons.every((reason) =>
          Cause.isDieReason(reason) ? reason.defect === bug : Cause.isFailReason(reason) || plan.leaves !== undefined
        )
    if (!own) tally.strange.push(`${plan.end} became ${String(exit)}`)
  })

const planned = ({ id, millis, end }: Plan, bug: Bug, tally: Tally): Call =>
  Effect.suspend(() => {
    let begun = false
    const ends = {
      success: Effect.succeed(id),
      refusal: Effect.fail(new Refusal({ call: id })),
      defect: Effect.die(bug)
    }
    return Effect.suspend(() => {
      begun = true
      tally.underWay++
      return Effect.andThen(millis === 0 ? Effect.void : Effect.sleep(millis), ends[end])
    }).pipe(Effect.ensuring(Effect.sync(() => void (begun && tally.underWay--))))
  })

/** Runs an effect to its end, moving the clock as long as it takes: a minute and a half at most. */
const run = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, string, R> =>
  Effect.flatMap(Effect.forkChild(self), ended)

const ended = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>, string> =>
  Effect.gen(function* () {
    for (let step = 0; step < 9_000; step++) {
      const exit = fiber.pollUnsafe()
      if (exit !== undefined) return exit
      yield* TestClock.adjust(10)
    }
    return yield* Effect.fail("it never ends")
  })

const expect = (holds: boolean, why: string): Effect.Effect<void, string> => (holds ? Effect.void : Effect.fail(why))

const expectNone = (leaks: Effect.Effect<number>): Effect.Effect<void, string> =>
  Effect.flatMap(leaks, (left) => expect(left === 0, `${left} left behind when every call has ended`))

const expectExit = <A, E, E2>(actual: Exit.Exit<A, E>, expected: Exit.Exit<A, E2>): Effect.Effect<void, string> => {
  const same =
    Exit.isSuccess(actual) && Exit.isSuccess(expected)
      ? actual.value === expected.value
      : Exit.isFailure(actual) && Exit.isFailure(expected) && sameCause(actual.cause, expected.cause)
  return expect(same, `${String(expected)} became ${String(actual)}`)
}

const sameCause = (actual: Cause.Cause<unknown>, expected: Cause.Cause<unknown>): boolean =>
  actual.reasons.length === expected.reasons.length &&
  actual.reasons.every((reason, index) => {
    const other = expected.reasons[index]
    if (other === undefined) return false
    if (Cause.isFailReason(reason)) return Cause.isFailReason(other) && reason.error === other.error
    if (Cause.isDieReason(reason)) return Cause.isDieReason(other) && reason.defect === other.defect
    return false
  })
