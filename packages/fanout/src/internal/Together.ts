/**
 * Parts that all can be begun without a fiber, at once: what `Effect.forEach` with unbounded concurrency does for any others,
 * with the same promises. An entry of five upstream calls costs a quarter less so (apps/bench/NOTES.md).
 */
import * as Direct from "@portico/call/Direct"
import * as Provenance from "@portico/call/Provenance"
import { Cause, Clock, type Context, Effect, Exit, Fiber } from "effect"
import * as Part from "../Part.ts"
import * as Timeline from "../Timeline.ts"
import * as Marking from "./Marking.ts"

/** A part that is asked for. */
export interface Asked {
  readonly effect: Effect.Effect<unknown, unknown, unknown>
  /** What takes the place of a call that failed; undefined where its failure is that of all. It does not fail. */
  readonly instead: ((cause: Cause.Cause<unknown>) => Effect.Effect<AnyOutcome, never, unknown>) | undefined
}

type AnyOutcome = Part.Outcome<unknown, unknown>

/** Every part's result in the order given; the first failure of a part without an `instead` ends all others. */
export const run = (
  parts: ReadonlyArray<readonly [name: string, part: Asked | Part.Skipped]>
): Effect.Effect<Array<unknown>, unknown, unknown> =>
  Effect.contextWith((context: Context.Context<unknown>) =>
    Effect.withFiber((fiber) =>
      Effect.callback<Array<unknown>, unknown>((resume) => {
        const together = new Together(parts, fiber, context, resume)
        together.begin()
        return Effect.suspend(() => together.leave())
      })
    )
  )

interface Running {
  /** Undefined until it has been begun. */
  end: Direct.End | undefined
  readonly mark: Timeline.Mark | undefined
}

class Together {
  private readonly parts: ReadonlyArray<readonly [name: string, part: Asked | Part.Skipped]>
  private readonly fiber: Fiber.Fiber<unknown, unknown>
  private readonly context: Context.Context<unknown>
  private readonly resume: (effect: Effect.Effect<Array<unknown>, unknown>) => void
  private readonly timeline: Timeline.Timeline | undefined
  private readonly results: Array<unknown> = []
  private readonly running: Array<Running | undefined> = []
  private left: number
  private beginning: number | undefined
  /** Nobody waits for the results any longer, or they are all there. */
  private over = false
  /** Something failed, and what else was under way is on its way out. */
  private failing: { readonly gone: Fiber.Fiber<void>; readonly cause: Cause.Cause<unknown> } | undefined

  constructor(
    parts: ReadonlyArray<readonly [name: string, part: Asked | Part.Skipped]>,
    fiber: Fiber.Fiber<unknown, unknown>,
    context: Context.Context<unknown>,
    resume: (effect: Effect.Effect<Array<unknown>, unknown>) => void
  ) {
    this.parts = parts
    this.fiber = fiber
    this.context = context
    this.resume = resume
    this.timeline = fiber.getRef(Timeline.Current)
    this.left = parts.length
  }

  begin(): void {
    const { timeline } = this
    if (this.left === 0) this.complete()
    this.beginning = this.now()
    for (const { index, name, part } of this.order()) {
      if (this.over) break
      if (!("effect" in part)) {
        if (timeline !== undefined) Marking.skipped(timeline, name, this.now())
        this.bring(index, part)
        continue
      }
      const mark = timeline === undefined ? undefined : Marking.begin(timeline, name, this.now())
      const running: Running = { end: undefined, mark }
      this.running[index] = running
      const end = this.ask(part.effect, running, (exit) => this.answered(index, part, running, exit))
      // One that failed at once has the end of what takes its place.
      running.end ??= end
    }
    this.beginning = undefined
  }

  /**
   * The longest first, as far as is known, else as they are given: the answer waits for the slowest, and what is begun last is
   * sent last. On a core that had slept, 0.6 ms later than the first of five.
   */
  private order() {
    const all = this.parts.map(([name, part], index) => {
      const isKnown = "effect" in part && Direct.isDirect(part.effect)
      return { index, name, part, usualMillis: isKnown ? part.effect.usualMillis(this.context) : 0 }
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
      const leaving = running.end?.() ?? Effect.void
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
    done: (exit: Exit.Exit<A, unknown>) => void
  ): Direct.End {
    const { fiber, context } = this
    try {
      return Direct.begin(effect, { fiber, context, trail: mark ?? fiber.getRef(Provenance.CurrentTrail) }, done)
    } catch (defect) {
      // It should not throw. If it does it is that part's defect, and the others are ended as ever.
      return Direct.tell(done, Exit.die(defect))
    }
  }

  private answered(index: number, { instead }: Asked, running: Running, exit: Exit.Exit<unknown, unknown>): void {
    if (Exit.isSuccess(exit)) {
      this.mark(running, "ok")
      return this.bring(index, instead === undefined ? exit.value : Part.ok(exit.value))
    }
    if (instead === undefined) return this.fail(index, running, exit.cause)
    running.end = this.ask(instead(exit.cause), running, (outcome) => {
      if (Exit.isFailure(outcome)) return this.fail(index, running, outcome.cause)
      this.mark(running, outcome.value.status === "failed" ? "failed" : "ok")
      this.bring(index, outcome.value)
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
    this.resume(Exit.succeed(this.results))
  }

  private fail(index: number, running: Running, cause: Cause.Cause<unknown>): void {
    if (this.over) return
    const exit = Exit.failCause(cause)
    this.running[index] = undefined
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

  /** Milliseconds from the timeline's beginning. All are begun at once: one look at the clock is for all of them. */
  private now(): number {
    if (this.beginning !== undefined) return this.beginning
    return this.timeline === undefined ? 0 : Timeline.elapsed(this.timeline, this.fiber.getRef(Clock.Clock))
  }
}

const never = () => false

const defectsOf = (cause: Cause.Cause<unknown>): Cause.Cause<never> =>
  Cause.fromReasons(cause.reasons.filter(Cause.isDieReason))
