/**
 * The flights of {@link Coalesce}: who waits for which call, and when it ends. What a flight does is an Ask, so that one that
 * is no Effect needs no fiber.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Direct from "@portico/call/Direct"
import * as Instant from "@portico/call/Instant"
import * as RequestId from "@portico/call/RequestId"
import * as TraceContext from "@portico/call/TraceContext"
import { Clock, Duration, Effect, Exit, type Fiber, Random, type Scope } from "effect"
import type * as Coalesce from "../Coalesce.ts"
import * as Ask from "./Ask.ts"
import * as Call from "./Call.ts"
import { hashOf, Table } from "./Table.ts"

export interface Options<I, A, E, E2> extends Omit<Coalesce.Options<I, A, E, never, E2>, "call"> {
  readonly ask: Ask.Ask<I, A, E>
}

type AnyFiber = Fiber.Fiber<unknown, unknown>

export interface Flights<I, A, E> {
  /** Joins the flight of the input's key, or begins one. */
  readonly join: (input: I, caller: Direct.Caller, asker: Direct.Asker<A, E>) => Direct.Begun
  readonly size: () => number
}

export const make = <I, A, E, E2>(
  options: Options<I, A, E, E2>
): Effect.Effect<Flights<I, A, E | E2>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const surroundings = yield* Effect.withFiber((fiber) => Effect.succeed(Call.surroundingsOf(fiber)))
    const fleet = new Fleet<I, A, E | E2>(options, surroundings, hashOf(yield* Random.nextInt))
    yield* Effect.addFinalizer(() => fleet.close())
    return {
      join: (input, caller, asker) => fleet.join(input, caller, asker),
      size: () => fleet.size()
    }
  })

class Fleet<I, A, E> {
  readonly surroundings: Call.Surroundings
  readonly late: Exit.Exit<never, E>
  /** The instant from which a flight's are counted. */
  readonly origin: number
  private readonly options: Options<I, A, E, E>
  private readonly limit: number
  private readonly enough: number
  /** What a newcomer may join, and what has not ended although nobody may join it any longer. */
  private readonly flights: Table<string, Flight<I, A, E>>
  private readonly apart = new Set<Flight<I, A, E>>()

  constructor(options: Options<I, A, E, E>, surroundings: Call.Surroundings, hash: (key: string) => number) {
    this.options = options
    this.surroundings = surroundings
    this.late = options.late
    this.origin = Math.floor(surroundings.clock.currentTimeMillisUnsafe())
    this.limit = Duration.toMillis(Duration.fromInputUnsafe(options.limit))
    this.enough = Duration.toMillis(Duration.fromInputUnsafe(options.enough))
    this.flights = new Table(hash)
  }

  size(): number {
    return this.flights.size + this.apart.size
  }

  join(input: I, { fiber, trail }: Direct.Caller, asker: Direct.Asker<A, E>): Direct.Begun {
    const { options } = this
    const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
    const until = fiber.getRef(Deadline.Deadline)
    if (until <= now) return Direct.tell(asker, options.late)
    const key = Ask.tried(() => options.key(input))
    if (Exit.isExit(key)) return Direct.tell(asker, key)
    const known = this.joinable(this.flights.get(key), now, until)
    if (known !== undefined) {
      if (trail !== undefined) trail.provenance = "coalesced"
      options.onJoin?.()
    }
    const joined = known ?? this.open(key, input, fiber, now, until)
    if (Exit.isExit(joined)) return Direct.tell(asker, joined)
    if (joined === known) joined.wait(until)
    const waiter = new Waiter(this, joined, asker)
    if (until !== Infinity) waiter.alarm = Alarm.setPatient(Alarm.timekeeper(fiber), until, waiter)
    return waiter
  }

  /**
   * The flight, if this caller may join it. An upstream may give up when the time is over that it was told of. So where that is
   * less than half of what the caller has, and of what an attempt may take, the caller begins another. Whoever has just a
   * little more joins: in a crowd everybody has a little more than the one before, and each would begin its own.
   */
  private joinable(flight: Flight<I, A, E> | undefined, now: number, until: number): Flight<I, A, E> | undefined {
    // One that has not begun, or is at its limit, is nobody's.
    if (flight?.begun === undefined || flight.until <= now) return undefined
    const { toldAfter } = flight
    if (toldAfter === undefined) return flight
    const told = this.origin + toldAfter - now
    return 2 * told < Math.min(this.enough, until - now) ? undefined : flight
  }

  /** Begins a flight; where it ended at once, its exit is all there is of it. */
  private open(key: string, input: I, caller: AnyFiber, now: number, until: number) {
    const flight = new Flight<I, A, E>(this, key, input, caller, now + this.limit)
    if (until - now < this.enough) flight.toldAfter = Instant.small(Math.floor(until) - this.origin)
    // It may be asked for before its first caller is counted in.
    flight.wait(until)
    const displaced = this.flights.get(key)
    if (displaced !== undefined) this.apart.add(displaced)
    this.flights.set(key, flight)
    const begun = this.options.ask(flight, flight)
    if (flight.exit === undefined) flight.begun = begun
    return flight.exit ?? flight
  }

  /** Nobody may join it any longer. */
  forget(flight: Flight<I, A, E>): void {
    if (this.flights.get(flight.key) === flight) this.flights.delete(flight.key)
    else this.apart.delete(flight)
  }

  /** What is left to do once a caller has been counted out. */
  depart(flight: Flight<I, A, E>): Effect.Effect<void> {
    const { begun } = flight
    if (flight.hasWaiters() || begun === undefined) return Effect.void
    if (this.flights.get(flight.key) === flight) this.flights.delete(flight.key)
    return this.cancel(flight, begun)
  }

  /** Ends a flight that nobody may join any longer. */
  private cancel(flight: Flight<I, A, E>, begun: Direct.Begun): Effect.Effect<void> {
    const gone = begun.end()
    if (gone === Effect.void) {
      this.apart.delete(flight)
      return gone
    }
    this.apart.add(flight)
    return Effect.andThen(
      gone,
      Effect.sync(() => void this.apart.delete(flight))
    )
  }

  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const all = [...this.flights.values(), ...this.apart]
      this.flights.clear()
      const gone = all.map((flight) => (flight.begun === undefined ? Effect.void : this.cancel(flight, flight.begun)))
      return Effect.andThen(
        Effect.all(gone, { concurrency: "unbounded", discard: true }),
        Effect.sync(() => all.forEach((flight) => flight.tellAll(closed)))
      )
    })
  }
}

type FleetOf<I, A, E> = Pick<Fleet<I, A, E>, "forget" | "surroundings" | "origin">

/** What callers share. To whatever it asks it is the call, and who asks. */
class Flight<I, A, E> implements Call.Call<I>, Direct.Asker<A, E> {
  readonly key: string
  readonly question: I
  readonly surroundings: Call.Surroundings
  readonly requestId: string
  readonly trace: TraceContext.TraceContext | undefined
  /** Until when the upstream may go on with what it is asked first, where that is less than an attempt may take. */
  toldAfter: number | undefined
  /** Undefined until it has begun, and once it has ended. */
  begun: Direct.Begun | undefined
  /** How it has ended. */
  exit: Exit.Exit<A, E> | undefined
  private readonly fleet: FleetOf<I, A, E>
  /** In milliseconds since the fleet was made: {@link until}, and the latest deadline of those who wait, or did. */
  private readonly untilAfter: number
  private waitedAfter = 0
  /** In the order in which they came. */
  private first: Waiter<I, A, E> | undefined
  private last: Waiter<I, A, E> | undefined

  constructor(fleet: FleetOf<I, A, E>, key: string, question: I, caller: AnyFiber, until: number) {
    this.fleet = fleet
    this.key = key
    this.question = question
    this.surroundings = fleet.surroundings
    this.untilAfter = Instant.small(until - fleet.origin)
    this.requestId = caller.getRef(RequestId.RequestId)
    this.trace = caller.getRef(TraceContext.TraceContext)
  }

  get until(): number {
    return this.fleet.origin + this.untilAfter
  }

  waitedUntil(): number {
    return this.fleet.origin + this.waitedAfter
  }

  /** Somebody waits until then. */
  wait(until: number): void {
    // Whole, so that it is small. Rounded down: it is what the upstream is told that is left.
    const after = Math.floor(until) - this.fleet.origin
    if (after > this.waitedAfter) this.waitedAfter = Instant.small(after)
  }

  tell(exit: Exit.Exit<A, E>): void {
    this.exit = exit
    this.begun = undefined
    // The key is free before any caller goes on.
    this.fleet.forget(this)
    this.tellAll(exit)
  }

  tellAll(exit: Exit.Exit<A, E>): void {
    for (let waiter = this.first; waiter !== undefined; waiter = this.first) {
      this.remove(waiter)
      waiter.tell(exit)
    }
  }

  hasWaiters(): boolean {
    return this.first !== undefined
  }

  add(waiter: Waiter<I, A, E>): void {
    waiter.isWaiting = true
    waiter.previous = this.last
    if (this.last === undefined) this.first = waiter
    else this.last.next = waiter
    this.last = waiter
  }

  remove(waiter: Waiter<I, A, E>): void {
    if (!waiter.isWaiting) return
    waiter.isWaiting = false
    const { next, previous } = waiter
    if (previous === undefined) this.first = next
    else previous.next = next
    if (next === undefined) this.last = previous
    else next.previous = previous
    waiter.previous = undefined
    waiter.next = undefined
  }
}

/** A caller, as long as it waits. */
class Waiter<I, A, E> implements Direct.Begun, Alarm.Sleeper {
  alarm: Alarm.Alarm | undefined
  isWaiting = false
  previous: Waiter<I, A, E> | undefined
  next: Waiter<I, A, E> | undefined
  private readonly fleet: Fleet<I, A, E>
  private readonly flight: Flight<I, A, E>
  private readonly asker: Direct.Asker<A, E>
  /** Its deadline has passed, and what it was the last to wait for is on its way out. */
  private givingUp = Direct.ended

  constructor(fleet: Fleet<I, A, E>, flight: Flight<I, A, E>, asker: Direct.Asker<A, E>) {
    this.fleet = fleet
    this.flight = flight
    this.asker = asker
    flight.add(this)
  }

  tell(exit: Exit.Exit<A, E>): void {
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    this.asker.tell(exit)
  }

  /** Its deadline has come. */
  ring(): void {
    if (!this.isWaiting) return
    const { asker, fleet } = this
    const gone = this.leave()
    if (gone === Effect.void) return asker.tell(fleet.late)
    const going = Effect.runForkWith(fleet.surroundings.context)(gone)
    this.givingUp = Direct.awaited(going, { tell: () => asker.tell(fleet.late) })
  }

  end(): Effect.Effect<void> {
    void this.givingUp.end()
    return this.leave()
  }

  private leave(): Effect.Effect<void> {
    if (this.alarm !== undefined) Alarm.cancel(this.alarm)
    this.flight.remove(this)
    return this.fleet.depart(this.flight)
  }
}

const closed = Exit.interrupt()
