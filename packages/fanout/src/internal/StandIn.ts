/**
 * What takes the place of an optional part that failed: its last good data, its fallback, or its error. Where the last good
 * data is at hand, as an upstream's is, it takes no fiber: with one upstream failing it stands in for a part of every entry,
 * and a fiber for each cost a sixth of the entries/s (apps/bench/NOTES.md). What breaks takes one, to say so in the log.
 */
import * as Direct from "@portico/call/Direct"
import { Cause, Effect, Exit, Option } from "effect"
import * as Part from "../Part.ts"

type AnyOptional = Part.Optional<unknown, unknown, unknown>
type AnyOutcome = Part.Outcome<unknown, unknown>
type Asker = Direct.Asker<AnyOutcome, never>

/** It does not fail: what stands in for a part may break as well. */
export const of = (
  name: string,
  part: AnyOptional,
  cause: Cause.Cause<unknown>
): Direct.Direct<AnyOutcome, never, unknown> =>
  Direct.make((caller, asker) => new Instead(name, part, caller, asker).begin(cause))

class Instead implements Direct.Begun {
  private readonly name: string
  private readonly part: AnyOptional
  private readonly caller: Direct.Caller<unknown>
  private readonly asker: Asker
  /** What it waits for, or has waited for. */
  private begun = Direct.ended
  /** Whoever asked for it has gone, perhaps by what was done here. */
  private isEnded = false

  constructor(name: string, part: AnyOptional, caller: Direct.Caller<unknown>, asker: Asker) {
    this.name = name
    this.part = part
    this.caller = caller
    this.asker = asker
  }

  /** From the typed error of the part. A defect, or an interruption that nobody here asked for, stays nameless. */
  begin(cause: Cause.Cause<unknown>): Direct.Begun {
    const error = Cause.findErrorOption(cause)
    if (Option.isSome(error)) this.lookFor(error.value)
    else this.log(cause, (defect) => this.lookFor(defect))
    return this
  }

  end(): Effect.Effect<void> {
    this.isEnded = true
    return this.begun.end()
  }

  private lookFor(error: unknown): void {
    const { stale } = this.part
    if (stale === undefined) return this.fallBack(error)
    this.wait(stale, (exit) => {
      if (Exit.isFailure(exit)) return this.broke(exit.cause)
      if (Option.isNone(exit.value)) return this.fallBack(error)
      const { value, ageMillis } = exit.value.value
      this.stand("stale", { status: "stale", data: value, ageMillis, error })
    })
  }

  private fallBack(error: unknown): void {
    const { fallback } = this.part
    if (fallback === undefined) return this.tell({ status: "failed", error })
    let data: unknown
    try {
      data = fallback(error)
    } catch (defect) {
      return this.broke(Cause.die(defect))
    }
    this.stand("fallback", { status: "fallback", data, error })
  }

  /** What stands in breaks by defects alone. */
  private broke(cause: Cause.Cause<never>): void {
    this.log(cause, (error) => this.tell({ status: "failed", error }))
  }

  private log(cause: Cause.Cause<unknown>, next: (error: Part.Defect) => void): void {
    this.wait(Effect.logError(`part ${this.name} broke`, cause), () => next(new Part.Defect()))
  }

  private stand(provenance: "stale" | "fallback", outcome: AnyOutcome): void {
    if (this.isEnded) return
    const { trail } = this.caller
    if (trail !== undefined) trail.provenance = provenance
    this.tell(outcome)
  }

  private wait<A>(effect: Effect.Effect<A, never, unknown>, next: (exit: Exit.Exit<A>) => void): void {
    let isTold = false
    const tell = (exit: Exit.Exit<A>) => {
      if (isTold || this.isEnded) return
      isTold = true
      next(exit)
    }
    let begun = Direct.ended
    try {
      begun = Direct.begin(effect, this.caller, { tell })
    } catch (defect) {
      // It should not throw. If it does it has broken.
      tell(Exit.die(defect))
    }
    // It may have told already, and what came next wait for something else.
    if (!isTold) this.begun = begun
  }

  private tell(outcome: AnyOutcome): void {
    this.asker.tell(Exit.succeed(outcome))
  }
}
