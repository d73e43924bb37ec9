/**
 * What has been read and is not gone on with yet.
 *
 * A turn of the event loop reads whatever has come, and whoever reads goes on with it there and then: after a pause of the
 * collector that is two hundred answers of upstreams and what they bring about, ten milliseconds in which nobody else is
 * heard, not even to be refused. So what can wait is gone on with for {@link share} milliseconds at a time and the rest in
 * turns to come, in the order in which it was read. Whoever has little to go on with, as a process at ease does, never waits.
 *
 * One for a `Clock`, as with alarms: all that is gone on with by it takes turns. Use it where a socket's bytes have become an
 * answer. What lets in those who wait asks {@link isBehind} first.
 */
import type { Clock, Scheduler } from "effect"

/** Milliseconds for which it goes on at a time. */
export const share = 1

/**
 * Milliseconds that others have between two times. Usually a turn is shorter. But the loop of libuv does not come round while a
 * thousand sockets have something to say, and what is only gone on with once it has would never be.
 */
const pause = 2

/** How it takes turns with others. */
interface Turns {
  readonly share: number
  readonly pause: number
  /** Whether what there is time for is gone on with as it is read, or at the end of the turn like all else. */
  readonly atOnce: boolean
}

const usual: Turns = { share, pause, atOnce: true }

/** Where others wait for every turn: after a pause of the collector they are heard before anything is gone on with. */
const short: Turns = { share: share / 2, pause: 10, atOnce: false }

/** What it goes by: the clock, and the scheduler whose turns they are. */
export interface Timekeeper {
  readonly clock: Clock.Clock
  readonly scheduler: Scheduler.Scheduler
}

/** Something to go on with. */
export interface Task {
  /** Goes on with it. Must be short, and must not throw. */
  readonly goOn: () => void
}

interface Backlog {
  readonly clock: Clock.Clock
  readonly tasks: Array<Task>
  turns: Turns
  /** When it began to go on, the latest time, in milliseconds of the monotonic clock, and for how many it has since. */
  began: number
  used: number
  isAtWork: boolean
  /** Whose turn it waits for. Not for that of another's: a test's scheduler may turn no more when the test has ended. */
  scheduledBy: Scheduler.Scheduler | undefined
}

/**
 * Goes on with `task`: at once where there is time, else when it is its turn. It cannot be taken back: whoever no longer needs
 * it finds that out then.
 */
export const goOn = (timekeeper: Timekeeper, task: Task): void => {
  const { clock, scheduler } = timekeeper
  const backlog = backlogOf(clock)
  const { tasks, turns } = backlog
  const now = monotonic(clock)
  const isOver = !backlog.isAtWork && now - backlog.began >= turns.share + turns.pause
  if (isOver) begin(backlog, now)
  if (turns.atOnce && tasks.length === 0 && backlog.used < turns.share) {
    task.goOn()
    backlog.used += monotonic(clock) - now
    return
  }
  tasks.push(task)
  if (isOver) work(backlog, scheduler)
  else schedule(backlog, scheduler)
}

/** Whether something waits to be gone on with. */
export const isBehind = (clock: Clock.Clock): boolean => (backlogs.get(clock)?.tasks.length ?? 0) > 0

/**
 * Whether turns are to be shorter from now on, since many wait for each only to be refused. Shorter ones cost some of the
 * throughput where nobody does.
 */
export const shorten = (clock: Clock.Clock, isShort: boolean): void => {
  backlogOf(clock).turns = isShort ? short : usual
}

const backlogs = new WeakMap<Clock.Clock, Backlog>()

const backlogOf = (clock: Clock.Clock): Backlog => {
  const known = backlogs.get(clock)
  if (known !== undefined) return known
  const made: Backlog = {
    clock,
    tasks: [],
    turns: usual,
    began: -Infinity,
    used: 0,
    isAtWork: false,
    scheduledBy: undefined
  }
  backlogs.set(clock, made)
  return made
}

const schedule = (backlog: Backlog, scheduler: Scheduler.Scheduler): void => {
  if (backlog.scheduledBy === scheduler) return
  backlog.scheduledBy = scheduler
  scheduler.makeDispatcher().scheduleTask(() => turn(backlog, scheduler), 0)
}

const begin = (backlog: Backlog, now: number): void => {
  backlog.began = now
  backlog.used = 0
}

const turn = (backlog: Backlog, scheduler: Scheduler.Scheduler): void => {
  backlog.scheduledBy = undefined
  if (backlog.tasks.length === 0) return
  begin(backlog, monotonic(backlog.clock))
  work(backlog, scheduler)
}

/** As many as there is time for, one at least. What they bring with them is put behind the others. */
const work = (backlog: Backlog, scheduler: Scheduler.Scheduler): void => {
  const { began, clock, tasks } = backlog
  let next = 0
  backlog.isAtWork = true
  try {
    do {
      tasks[next++]?.goOn()
      backlog.used = monotonic(clock) - began
    } while (next < tasks.length && backlog.used < backlog.turns.share)
  } finally {
    // One that throws all the same must not keep the others from their turn.
    backlog.isAtWork = false
    tasks.splice(0, next)
    if (tasks.length > 0) schedule(backlog, scheduler)
  }
}

const monotonic = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
