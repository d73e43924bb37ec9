/**
 * What takes the place of an optional part that failed: its last good data, its fallback, or its error. Where the last good
 * data is at hand, as an upstream's is, it takes no fiber: with one upstream failing it stands in for a part of every entry,
 * and a fiber for each cost a quarter of the entries/s (apps/bench/NOTES.md).
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
  /** What it waits for. */
  private begun = Direct.ended

  constructor(name: string, part: AnyOptional, caller: Direct.Caller<unknown>, asker: Asker) {
    this.name = name
    this.part = part
    this.caller = caller
    this.asker = asker
  }

  begin(cause: Cause.Cause<unknown>): Direct.Begun {
    this.errorOf(cause, (error) => this.lookFor(error))
    return this
  }

  end(): Effect.Effect<void> {
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

  private broke(cause: Cause.Cause<unknown>): void {
    this.errorOf(cause, (error) => this.tell({ status: "failed", error }))
  }

  /** The typed error of a part; a defect, or an interruption that nobody here asked for, is logged and stays nameless. */
  private errorOf(cause: Cause.Cause<unknown>, next: (error: unknown) => void): void {
    const error = Cause.findErrorOption(cause)
    if (Option.isSome(error)) return next(error.value)
    this.wait(Effect.logError(`part ${this.name} broke`, cause), () => next(new Part.Defect()))
  }

  private stand(provenance: "stale" | "fallback", outcome: AnyOutcome): void {
    const { trail } = this.caller
    if (trail !== undefined) trail.provenance = provenance
    this.tell(outcome)
  }

  private wait<A>(effect: Effect.Effect<A, never, unknown>, next: (exit: Exit.Exit<A>) => void): void {
    let isOver = false
    let begun = Direct.ended
    try {
      begun = Direct.begin(effect, this.caller, {
        tell: (exit) => {
          isOver = true
          next(exit)
        }
      })
    } catch (defect) {
      // It should not throw. If it does it has broken.
      if (!isOver) return next(Exit.die(defect))
    }
    // It may have told already, and what came next wait for something else.
    if (!isOver) this.begun = begun
  }

  private tell(outcome: AnyOutcome): void {
    this.asker.tell(Exit.succeed(outcome))
  }
}
