/**
 * Wakes many waiters with one timer.
 *
 * Every deadline, attempt timeout and hedge waits for an instant that mostly never comes: the answer is there first. A
 * timer and a fiber for each would cost more than the calls they guard, so all waiters of one `Clock` share a binary heap
 * of instants and a single sleep until the earliest of them. A cancelled alarm stays in the heap as a tombstone until it
 * surfaces or tombstones are the majority; when nobody waits the sleep ends too, so an idle process has no timer.
 *
 * Use it to build policies. To limit an effect by an instant, use {@link race}.
 */
import { Clock, Context, Duration, Effect, Fiber, Scheduler } from "effect"
import * as Backlog from "./Backlog.ts"

/** Who waits for an instant. */
export interface Sleeper {
  /** The instant has come. Must be short, and must not throw. */
  readonly ring: () => void
}

/** One instant (milliseconds of a Clock) that somebody waits for. */
export interface Alarm {
  readonly at: number
  readonly clockwork: Clockwork
  /** Undefined once it rang or was cancelled: a tombstone must not keep alive whatever the ring would have reached. */
  sleeper: Sleeper | undefined
  /** Whose turn of the loop it waits for once the instant has come; undefined: none. */
  readonly patience: Scheduler.Scheduler | undefined
}

interface Clockwork {
  readonly clock: Clock.Clock
  readonly heap: Array<Alarm>
  live: number
  sleep: { readonly until: number; readonly fiber: Fiber.Fiber<void> } | undefined
}

/** What an alarm goes by: the clock, and the scheduler of whoever waits. */
export type Timekeeper = Backlog.Timekeeper

/** The timekeeper of a fiber. */
export const timekeeper = (fiber: Fiber.Fiber<unknown, unknown>): Timekeeper => ({
  clock: fiber.getRef(Clock.Clock),
  scheduler: fiber.getRef(Scheduler.Scheduler)
})

/**
 * Rings `sleeper` once the clock has come to the instant `at`. Whoever sets an alarm cancels it when it is no longer needed:
 * {@link cancel}.
 */
export const set = (timekeeper: Timekeeper, at: number, sleeper: Sleeper): Alarm =>
  setWith(timekeeper, at, sleeper, undefined)

const setWith = (
  { clock, scheduler }: Timekeeper,
  at: number,
  sleeper: Sleeper,
  patience: Scheduler.Scheduler | undefined
): Alarm => {
  const clockwork = clockworkOf(clock)
  const alarm: Alarm = { at, clockwork, sleeper, patience }
  push(clockwork.heap, alarm)
  clockwork.live++
  if (at < sleepsUntil(clockwork)) sleepUntil(clockwork, at, scheduler)
  return alarm
}

/**
 * {@link set} for whoever waits for something to be read: the loop gets one more turn before the ring, since timers come first
 * in it, and what has been read is gone on with before ({@link Backlog.goOn}). A process that was late itself finds what was
 * there in time, and does not take its own lateness for another's. Once the instant has come it can no longer be cancelled:
 * whoever is rung may find that what it waited for is there.
 */
export const setPatient = (timekeeper: Timekeeper, at: number, sleeper: Sleeper): Alarm =>
  setWith(timekeeper, at, sleeper, timekeeper.scheduler)

/** Cancels the alarm. After it rang, or a second time: nothing. */
export const cancel = (alarm: Alarm): void => {
  if (alarm.sleeper === undefined) return
  alarm.sleeper = undefined
  const { clockwork } = alarm
  clockwork.live--
  if (clockwork.live === 0) {
    clockwork.heap.length = 0
    wake(clockwork)
  } else if (clockwork.heap.length > 64 && clockwork.live * 2 < clockwork.heap.length) {
    compact(clockwork.heap)
  }
}

/**
 * Runs `self` until the instant `at`; then interrupts it, waits for its finalizers, and goes on with `late`. An effect that
 * ends at once costs no timer.
 */
export const race = <A, E, R, A2, E2, R2>(
  self: Effect.Effect<A, E, R>,
  at: number,
  late: Effect.Effect<A2, E2, R2>
): Effect.Effect<A | A2, E | E2, R | R2> =>
  at === Infinity
    ? self
    : Effect.contextWith((context: Context.Context<R>) =>
        Effect.callback<A | A2, E | E2, R2>((resume) => {
          const fiber = Effect.runForkWith(context)(self)
          const done = fiber.pollUnsafe()
          if (done !== undefined) return resume(done)
          let rang = false
          const alarm = set(timekeeper(fiber), at, {
            ring: () => {
              rang = true
              fiber.interruptUnsafe()
            }
          })
          fiber.addObserver((exit) => {
            cancel(alarm)
            resume(rang && exit._tag === "Failure" ? late : exit)
          })
          return Effect.suspend(() => {
            cancel(alarm)
            return Fiber.interrupt(fiber)
          })
        })
      )

/** How many alarms wait on the clock of the current fiber: a number for tests that nothing is left behind. */
export const pending: Effect.Effect<number> = Effect.clockWith((clock) => Effect.succeed(clockworkOf(clock).live))

const clockworks = new WeakMap<Clock.Clock, Clockwork>()

const clockworkOf = (clock: Clock.Clock): Clockwork => {
  const known = clockworks.get(clock)
  if (known !== undefined) return known
  const made: Clockwork = { clock, heap: [], live: 0, sleep: undefined }
  clockworks.set(clock, made)
  return made
}

// The sleep runs on the scheduler of whoever made it necessary, so that a test's clock waits for what an alarm sets off.
const sleepUntil = (clockwork: Clockwork, at: number, scheduler: Scheduler.Scheduler): void => {
  wake(clockwork)
  // Whole milliseconds: a sleep that ends a hair before a fractional instant would find nothing due.
  const millis = Math.max(0, Math.ceil(at - clockwork.clock.currentTimeMillisUnsafe()))
  const sleep = Effect.andThen(
    clockwork.clock.sleep(Duration.millis(millis)),
    Effect.sync(() => ringDue(clockwork, scheduler))
  )
  const fiber = Effect.runForkWith(Context.make(Scheduler.Scheduler, scheduler))(sleep)
  // A sleep of nothing may have ended already, and have begun the next.
  if (fiber.pollUnsafe() === undefined) clockwork.sleep = { until: at, fiber }
}

const sleepsUntil = (clockwork: Clockwork): number => clockwork.sleep?.until ?? Infinity

const wake = (clockwork: Clockwork): void => {
  clockwork.sleep?.fiber.interruptUnsafe()
  clockwork.sleep = undefined
}

const ringDue = (clockwork: Clockwork, scheduler: Scheduler.Scheduler): void => {
  const { heap } = clockwork
  clockwork.sleep = undefined
  const now = clockwork.clock.currentTimeMillisUnsafe()
  for (let first = heap[0]; first !== undefined && (first.at <= now || first.sleeper === undefined); first = heap[0]) {
    pop(heap)
    const { patience, sleeper } = first
    if (sleeper === undefined) continue
    first.sleeper = undefined
    clockwork.live--
    if (patience === undefined) sleeper.ring()
    else ringPatiently({ clock: clockwork.clock, scheduler: patience }, sleeper)
  }
  // A ring may have set an alarm, and with it a sleep of its own, which need not be the earliest.
  const next = heap[0]?.at ?? Infinity
  if (next < sleepsUntil(clockwork)) sleepUntil(clockwork, next, scheduler)
}

const ringPatiently = (timekeeper: Timekeeper, sleeper: Sleeper): void =>
  timekeeper.scheduler.makeDispatcher().scheduleTask(() => Backlog.goOn(timekeeper, { goOn: () => sleeper.ring() }), 0)

const push = (heap: Array<Alarm>, alarm: Alarm): void => {
  let index = heap.length
  heap.push(alarm)
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || parent.at <= alarm.at) break
    heap[index] = parent
    index = above
  }
  heap[index] = alarm
}

const pop = (heap: Array<Alarm>): void => {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  sink(heap, 0, last)
}

const sink = (heap: Array<Alarm>, from: number, alarm: Alarm): void => {
  let index = from
  for (;;) {
    let below = 2 * index + 1
    let child = heap[below]
    if (child === undefined) break
    const right = heap[below + 1]
    if (right !== undefined && right.at < child.at) {
      child = right
      below++
    }
    if (child.at >= alarm.at) break
    heap[index] = child
    index = below
  }
  heap[index] = alarm
}

const compact = (heap: Array<Alarm>): void => {
  const alive = heap.filter((alarm) => alarm.sleeper !== undefined)
  heap.length = 0
  for (const alarm of alive) push(heap, alarm)
}
