/** What a model and the real thing have in common, where several callers wait for one call: the steps, and who waits. */
import { Deferred, Effect, Exit, type Fiber, Schema } from "effect"

const Nth = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))

/** One of those who wait leaves. */
export const Leave = Schema.TaggedStruct("leave", { nth: Nth })

/** One of the calls under way ends. */
export const End = Schema.TaggedStruct("end", { nth: Nth, how: Schema.Literals(["good", "failure", "defect"]) })

/** Up to so many milliseconds pass. */
export const passUpTo = (maximum: number) =>
  Schema.TaggedStruct("pass", { millis: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum })) })

/** The one that a step means; none where there is none. */
export const pick = <A>(all: ReadonlyArray<A>, nth: number): A | undefined => all[nth % Math.max(1, all.length)]

/** Ends a call that waits at a gate: well with a value, or with what a failure or a defect says. */
export const end = <A>(
  gate: Deferred.Deferred<A, string>,
  how: (typeof End.Type)["how"],
  { value, says }: { readonly value: A; readonly says: string }
) => {
  if (how === "good") return Deferred.succeed(gate, value)
  return how === "failure" ? Deferred.fail(gate, says) : Deferred.die(gate, says)
}

/** The callers of the real thing, numbered as they come. */
export const callers = () => {
  const fibers: Array<Fiber.Fiber<string, string>> = []
  return {
    count: () => fibers.length,
    arrive: (call: Effect.Effect<string, string>) =>
      Effect.map(Effect.forkDetach(call, { startImmediately: true }), (fiber) => void fibers.push(fiber)),
    leave: (caller: number | undefined) => {
      if (caller !== undefined) fibers[caller]?.interruptUnsafe()
    },
    /** What each got; undefined while it waits. */
    outcomes: () => fibers.map((fiber) => told(fiber.pollUnsafe()))
  }
}

const told = (exit: Exit.Exit<string, string> | undefined): string | undefined => {
  if (exit === undefined) return undefined
  if (Exit.isSuccess(exit)) return exit.value
  const [reason] = exit.cause.reasons
  if (reason?._tag === "Fail") return reason.error
  return reason?._tag === "Die" ? String(reason.defect) : "interrupted"
}
