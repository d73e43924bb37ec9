/**
 * Wakes many waiters with one timer.
 *
 * Every deadline, attempt timeout and hedge waits for an instant that mostly never comes: the answer is there first. A
 * timer and a fiber for each would cost more than the calls they guard, so all waiters of one `Clock` share a binary heap
 * of instants and a single sleep until the earliest of them. A cancelled alarm leaves the heap, and when nobody waits the
 * sleep ends too: an idle process has no timer.
 *
 * Use it to build policies. To limit an effect by an instant, use {@link race}.
 */
import { Clock, Context, Duration, Effect, Fiber, Scheduler } from "effect"
import * as Backlog from "./Backlog.ts"
import * as Instant from "./Instant.ts"

/** Who waits for an instant. */
export interface Sleeper {
  /** The instant has come. Must be short, and must not throw. */
  readonly ring: () => void
}

/** One instant that somebody waits for. */
export interface Alarm {
  /** In whole milliseconds since the clockwork was made: {@link Instant.small}. */
  readonly due: number
  readonly clockwork: Clockwork
  readonly sleeper: Sleeper
  /** Whose turn of the loop it waits for once the instant has come; undefined: none. */
  readonly patience: Scheduler.Scheduler | undefined
  /** Its place in the heap; -1 once it rang or was cancelled. */
  index: number
}

interface Clockwork {
  readonly clock: Clock.Clock
  /** Milliseconds of the clock. */
  readonly origin: number
  readonly heap: Array<Alarm>
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
  // Rounded up: a sleep that ends a hair before a fractional instant would find nothing due.
  const due = Instant.small(Math.ceil(at) - clockwork.origin)
  const alarm: Alarm = { due, clockwork, sleeper, patience, index: -1 }
  rise(clockwork.heap, clockwork.heap.length, alarm)
  if (due < sleepsUntil(clockwork)) sleepUntil(clockwork, due, scheduler)
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
  if (alarm.index < 0) return
  const { clockwork } = alarm
  remove(clockwork.heap, alarm)
  if (clockwork.heap.length === 0) wake(clockwork)
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
export const pending: Effect.Effect<number> = Effect.clockWith((clock) =>
  Effect.succeed(clockworkOf(clock).heap.length)
)

const clockworks = new WeakMap<Clock.Clock, Clockwork>()

const clockworkOf = (clock: Clock.Clock): Clockwork => {
  const known = clockworks.get(clock)
  if (known !== undefined) return known
  const made: Clockwork = { clock, origin: Math.floor(clock.currentTimeMillisUnsafe()), heap: [], sleep: undefined }
  clockworks.set(clock, made)
  return made
}

// The sleep runs on the scheduler of whoever made it necessary, so that a test's clock waits for what an alarm sets off.
const sleepUntil = (clockwork: Clockwork, due: number, scheduler: Scheduler.Scheduler): void => {
  wake(clockwork)
  const { clock, origin } = clockwork
  const millis = Math.max(0, Math.ceil(origin + due - clock.currentTimeMillisUnsafe()))
  const sleep = Effect.andThen(
    clock.sleep(Duration.millis(millis)),
    Effect.sync(() => ringDue(clockwork, scheduler))
  )
  const fiber = Effect.runForkWith(Context.make(Scheduler.Scheduler, scheduler))(sleep)
  // A sleep of nothing may have ended already, and have begun the next.
  if (fiber.pollUnsafe() === undefined) clockwork.sleep = { until: due, fiber }
}

const sleepsUntil = (clockwork: Clockwork): number => clockwork.sleep?.until ?? Infinity

const wake = (clockwork: Clockwork): void => {
  clockwork.sleep?.fiber.interruptUnsafe()
  clockwork.sleep = undefined
}

const ringDue = (clockwork: Clockwork, scheduler: Scheduler.Scheduler): void => {
  const { clock, heap, origin } = clockwork
  clockwork.sleep = undefined
  const now = clock.currentTimeMillisUnsafe() - origin
  for (let first = heap[0]; first !== undefined && first.due <= now; first = heap[0]) {
    const { patience, sleeper } = first
    remove(heap, first)
    if (patience === undefined) sleeper.ring()
    else ringPatiently({ clock, scheduler: patience }, sleeper)
  }
  // A ring may have set an alarm, and with it a sleep of its own, which need not be the earliest.
  const next = heap[0]?.due ?? Infinity
  if (next < sleepsUntil(clockwork)) sleepUntil(clockwork, next, scheduler)
}

const ringPatiently = (timekeeper: Timekeeper, sleeper: Sleeper): void =>
  timekeeper.scheduler.makeDispatcher().scheduleTask(() => Backlog.goOn(timekeeper, { goOn: () => sleeper.ring() }), 0)

/** Takes the alarm out of the heap, wherever it is; the last fills the gap. */
const remove = (heap: Array<Alarm>, alarm: Alarm): void => {
  const { index } = alarm
  alarm.index = -1
  const last = heap.pop()
  if (last === undefined || last === alarm) return
  if (last.due < alarm.due) rise(heap, index, last)
  else sink(heap, index, last)
}

/** Puts the alarm at a free place of the heap, or above. */
const rise = (heap: Array<Alarm>, from: number, alarm: Alarm): void => {
  let index = from
  while (index > 0) {
    const above = (index - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || parent.due <= alarm.due) break
    put(heap, index, parent)
    index = above
  }
  put(heap, index, alarm)
}

/** Puts the alarm at a free place of the heap, or below. */
const sink = (heap: Array<Alarm>, from: number, alarm: Alarm): void => {
  let index = from
  for (;;) {
    let below = 2 * index + 1
    let child = heap[below]
    if (child === undefined) break
    const right = heap[below + 1]
    if (right !== undefined && right.due < child.due) {
      child = right
      below++
    }
    if (child.due >= alarm.due) break
    put(heap, index, child)
    index = below
  }
  put(heap, index, alarm)
}

const put = (heap: Array<Alarm>, index: number, alarm: Alarm): void => {
  heap[index] = alarm
  alarm.index = index
}
