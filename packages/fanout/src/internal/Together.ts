/**
 * Parts that all can be begun without a fiber, at once: what `Effect.forEach` with unbounded concurrency does for any others,
 * with the same promises. An entry of five upstream calls costs a quarter less so (apps/bench/NOTES.md).
 */
import * as Direct from "@portico/call/Direct"
import * as Provenance from "@portico/call/Provenance"
import { Cause, Clock, type Context, Effect, Exit, Fiber } from "effect"
import * as Parts from "../Part.ts"
import * as Timeline from "../Timeline.ts"
import * as Marking from "./Marking.ts"
import * as StandIn from "./StandIn.ts"

/** A call that is begun without a fiber, or what is left out. */
export type Part = Parts.Required<unknown, unknown, unknown> | Parts.Optional<unknown, unknown, unknown> | Parts.Skipped

/**
 * Every part's result under its name; the first failure of a required part ends all others.
 *
 * What is under way refers to nothing that it was begun with and no longer needs: a thousand entries under way are what a
 * young collection copies. So no closure that stays is made where the parts are in scope.
 */
export const run = (
  names: ReadonlyArray<string>,
  parts: ReadonlyArray<Part>
): Effect.Effect<Record<string, unknown>, unknown, unknown> =>
  Effect.contextWith((context: Context.Context<unknown>) =>
    Effect.withFiber((fiber) =>
      Effect.callback<Record<string, unknown>, unknown>((resume) => {
        const together = new Together(names, fiber, context, resume)
        together.begin(parts)
        return leaving(together)
      })
    )
  )

const leaving = (together: Together): Effect.Effect<void> => Effect.suspend(() => together.leave())

/** Each result under the name of its part. */
export const named = (names: ReadonlyArray<string>, results: ReadonlyArray<unknown>): Record<string, unknown> => {
  const out: Record<string, unknown> = {}
  names.forEach((name, index) => {
    out[name] = results[index]
  })
  return out
}

/** A part under way, or what takes its place; and who is told of it. */
class Running implements Direct.Asker<unknown, unknown> {
  readonly index: number
  /** What says what takes its place if it fails; undefined where its failure is that of all. */
  readonly optional: Parts.Optional<unknown, unknown, unknown> | undefined
  readonly mark: Timeline.Mark | undefined
  /** Undefined until it has been begun. */
  begun: Direct.Begun | undefined
  private readonly together: Together

  constructor(
    together: Together,
    index: number,
    optional: Parts.Optional<unknown, unknown, unknown> | undefined,
    mark: Timeline.Mark | undefined
  ) {
    this.together = together
    this.index = index
    this.optional = optional
    this.mark = mark
  }

  tell(exit: Exit.Exit<unknown, unknown>): void {
    this.together.answered(this, exit)
  }
}

class Together {
  private readonly names: ReadonlyArray<string>
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly context: Context.Context<unknown>
  private readonly resume: (effect: Effect.Effect<Record<string, unknown>, unknown>) => void
  private readonly timeline: Timeline.Timeline | undefined
  private readonly results: Array<unknown>
  private readonly running: Array<Running | undefined>
  private left = 0
  private beginning: number | undefined
  /** Nobody waits for the results any longer, or they are all there. */
  private over = false
  /** Something failed, and what else was under way is on its way out. */
  private failing: { readonly gone: Fiber.Fiber<void>; readonly cause: Cause.Cause<unknown> } | undefined

  constructor(
    names: ReadonlyArray<string>,
    fiber: Fiber.Fiber<unknown, unknown>,
    context: Context.Context<unknown>,
    resume: (effect: Effect.Effect<Record<string, unknown>, unknown>) => void
  ) {
    this.names = names
    this.fiber = fiber
    this.context = context
    this.resume = resume
    this.timeline = fiber.getRef(Timeline.Current)
    // Of their length from the beginning: one that grows as it is filled has room for twenty.
    this.results = names.map(() => undefined)
    this.running = names.map(() => undefined)
  }

  begin(parts: ReadonlyArray<Part>): void {
    const { timeline } = this
    this.left = parts.length
    if (this.left === 0) this.complete()
    this.beginning = this.now()
    for (const { index, part } of this.order(parts)) {
      if (this.over) break
      const name = this.nameOf(index)
      if (part._tag === "Skipped") {
        if (timeline !== undefined) Marking.skipped(timeline, name, this.now())
        this.bring(index, part)
        continue
      }
      const mark = timeline === undefined ? undefined : Marking.begin(timeline, name, this.now())
      const running = new Running(this, index, part._tag === "Optional" ? part : undefined, mark)
      this.running[index] = running
      const begun = this.ask(part.effect, running, running)
      // One that failed at once has begun what takes its place.
      running.begun ??= begun
    }
    this.beginning = undefined
  }

  /**
   * The longest first, as far as is known, else as they are given: the answer waits for the slowest, and what is begun last is
   * sent last. On a core that had slept, 0.6 ms later than the first of five.
   */
  private order(parts: ReadonlyArray<Part>) {
    const all = parts.map((part, index) => {
      const isKnown = part._tag !== "Skipped" && Direct.isDirect(part.effect)
      return { index, part, usualMillis: isKnown ? part.effect.usualMillis(this.context) : 0 }
    })
    return all.sort((a, b) => b.usualMillis - a.usualMillis)
  }

  /** Nobody waits for it any longer: what is under way is ended, and a defect that was about to be told is told. */
  leave(): Effect.Effect<void> {
    if (this.failing === undefined) return this.end()
    const { gone, cause } = this.failing
    return Effect.andThen(Fiber.await(gone), Effect.failCause(defectsOf(cause)))
  }

  /** Ends what is under way. What it gives waits until nothing of it is left. */
  private end(): Effect.Effect<void> {
    this.over = true
    const gone: Array<Effect.Effect<void>> = []
    this.running.forEach((running, index) => {
      if (running === undefined) return
      this.running[index] = undefined
      const leaving = running.begun?.end() ?? Effect.void
      if (leaving === Effect.void) this.mark(running, "interrupted")
      else
        gone.push(
          Effect.andThen(
            leaving,
            Effect.sync(() => this.mark(running, "interrupted"))
          )
        )
    })
    return gone.length === 0 ? Effect.void : Effect.all(gone, { concurrency: "unbounded", discard: true })
  }

  private ask<A>(
    effect: Effect.Effect<A, unknown, unknown>,
    { mark }: Running,
    asker: Direct.Asker<A, unknown>
  ): Direct.Begun {
    const { fiber, context } = this
    try {
      return Direct.begin(effect, { fiber, context, trail: mark ?? fiber.getRef(Provenance.CurrentTrail) }, asker)
    } catch (defect) {
      // It should not throw. If it does it is that part's defect, and the others are ended as ever.
      return Direct.tell(asker, Exit.die(defect))
    }
  }

  answered(running: Running, exit: Exit.Exit<unknown, unknown>): void {
    if (this.over) return
    const { index, optional } = running
    if (Exit.isSuccess(exit)) {
      this.mark(running, "ok")
      return this.bring(index, optional === undefined ? exit.value : Parts.ok(exit.value))
    }
    if (optional === undefined) return this.fail(running, exit.cause)
    running.begun = this.ask(StandIn.of(this.nameOf(index), optional, exit.cause), running, {
      tell: (outcome) => {
        if (Exit.isFailure(outcome)) return this.fail(running, outcome.cause)
        this.mark(running, outcome.value.status === "failed" ? "failed" : "ok")
        this.bring(index, outcome.value)
      }
    })
  }

  private bring(index: number, result: unknown): void {
    if (this.over) return
    this.running[index] = undefined
    this.results[index] = result
    if (--this.left === 0) this.complete()
  }

  private complete(): void {
    this.over = true
    this.resume(Exit.succeed(named(this.names, this.results)))
  }

  private fail(running: Running, cause: Cause.Cause<unknown>): void {
    if (this.over) return
    const exit = Exit.failCause(cause)
    this.running[running.index] = undefined
    this.mark(running, Marking.endOf(exit, never))
    const leaving = this.end()
    if (leaving === Effect.void) return this.resume(exit)
    const gone = Effect.runForkWith(this.context)(leaving)
    this.failing = { gone, cause }
    gone.addObserver(() => this.resume(exit))
  }

  private mark({ mark }: Running, how: Timeline.Mark["end"]): void {
    if (mark !== undefined) Marking.end(mark, this.now(), how)
  }

  private nameOf(index: number): string {
    return this.names[index] ?? ""
  }

  /** Milliseconds from the timeline's beginning. All are begun at once: one look at the clock is for all of them. */
  private now(): number {
    if (this.beginning !== undefined) return this.beginning
    return this.timeline === undefined ? 0 : Timeline.elapsed(this.timeline, this.fiber.getRef(Clock.Clock))
  }
}

const never = () => false

const defectsOf = (cause: Cause.Cause<unknown>): Cause.Cause<never> =>
  Cause.fromReasons(cause.reasons.filter(Cause.isDieReason))
