/**
 * The flights of {@link Coalesce}: who waits for which call, and when it ends. What a flight does is an Ask, so that one that
 * is no Effect needs no fiber.
 */
import * as Alarm from "@portico/call/Alarm"
import * as Deadline from "@portico/call/Deadline"
import * as Direct from "@portico/call/Direct"
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

export interface Flights<I, A, E> {
  /** Joins the flight of the input's key, or begins one. */
  readonly join: (input: I) => Direct.Begin<A, E, never>
  readonly size: () => number
}

type AnyFiber = Fiber.Fiber<unknown, unknown>

interface Flight<A, E> {
  /** Undefined once it has ended. */
  end: Direct.End | undefined
  /** Its deadline. */
  readonly until: number
  /** Whether it was cut short for its first caller. */
  readonly short: boolean
  /** The latest deadline of those who wait, or did. */
  waited: number
  readonly waiters: Set<(exit: Exit.Exit<A, E>) => void>
}

export const make = <I, A, E, E2>(
  options: Options<I, A, E, E2>
): Effect.Effect<Flights<I, A, E | E2>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const surroundings = yield* Effect.withFiber((fiber) => Effect.succeed(Call.surroundingsOf(fiber)))
    /** What a newcomer may join, and what has not ended although nobody may join it any longer. */
    const flights = new Table<string, Flight<A, E>>(hashOf(yield* Random.nextInt))
    const apart = new Set<Flight<A, E>>()
    const limit = Duration.toMillis(Duration.fromInputUnsafe(options.limit))
    const enough = Duration.toMillis(Duration.fromInputUnsafe(options.enough))

    /** Begins a flight; where it ended at once, its exit is all there is of it. */
    const open = (key: string, input: I, caller: AnyFiber, now: number, until: number) => {
      const short = until - now < enough
      const flight: Flight<A, E> = {
        end: undefined,
        until: short ? until : now + limit,
        short,
        waited: until,
        waiters: new Set()
      }
      const displaced = flights.get(key)
      if (displaced !== undefined) apart.add(displaced)
      flights.set(key, flight)
      let over: Exit.Exit<A, E> | undefined
      const end = options.ask(
        {
          question: input,
          surroundings,
          until: flight.until,
          waitedUntil: () => flight.waited,
          requestId: caller.getRef(RequestId.RequestId),
          trace: caller.getRef(TraceContext.TraceContext)
        },
        (exit) => {
          over = exit
          flight.end = undefined
          // The key is free before any caller goes on.
          if (flights.get(key) === flight) flights.delete(key)
          else apart.delete(flight)
          for (const waiter of flight.waiters) waiter(exit)
          flight.waiters.clear()
        }
      )
      if (over === undefined) flight.end = end
      return over ?? flight
    }

    /** Ends a flight that nobody may join any longer. */
    const cancel = (flight: Flight<A, E>, end: Direct.End): Effect.Effect<void> => {
      const gone = end()
      if (gone === Effect.void) {
        apart.delete(flight)
        return gone
      }
      apart.add(flight)
      return Effect.andThen(
        gone,
        Effect.sync(() => void apart.delete(flight))
      )
    }

    /** What is left to do once a caller has been counted out. */
    const depart = (key: string, flight: Flight<A, E>): Effect.Effect<void> => {
      if (flight.waiters.size > 0 || flight.end === undefined) return Effect.void
      if (flights.get(key) === flight) flights.delete(key)
      return cancel(flight, flight.end)
    }

    const closed = Exit.interrupt()
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const all = [...flights.values(), ...apart]
        flights.clear()
        const gone = all.map((flight) => (flight.end === undefined ? Effect.void : cancel(flight, flight.end)))
        return Effect.andThen(
          Effect.all(gone, { concurrency: "unbounded", discard: true }),
          Effect.sync(() => all.forEach(({ waiters }) => waiters.forEach((waiter) => waiter(closed))))
        )
      })
    )

    const join =
      (input: I): Direct.Begin<A, E | E2, never> =>
      ({ fiber, trail }, done) => {
        const now = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()
        const until = fiber.getRef(Deadline.Deadline)
        if (until <= now) return Direct.tell(done, options.late)
        const key = Ask.tried(() => options.key(input))
        if (Exit.isExit(key)) return Direct.tell(done, key)
        const known = joinable(flights.get(key), until)
        if (known !== undefined) {
          if (trail !== undefined) trail.provenance = "coalesced"
          options.onJoin?.()
        }
        const joined = known ?? open(key, input, fiber, now, until)
        if (Exit.isExit(joined)) return Direct.tell(done, joined)
        joined.waited = Math.max(joined.waited, until)
        const leave = () => {
          if (alarm !== undefined) Alarm.cancel(alarm)
          joined.waiters.delete(waiter)
          return depart(key, joined)
        }
        let stopWaiting = Direct.ended
        const giveUp = () => {
          if (!joined.waiters.has(waiter)) return
          const gone = leave()
          if (gone === Effect.void) return done(options.late)
          stopWaiting = Direct.awaited(Effect.runForkWith(surroundings.context)(gone), () => done(options.late))
        }
        const alarm = until === Infinity ? undefined : Alarm.setPatient(Alarm.timekeeper(fiber), until, giveUp)
        const waiter = (exit: Exit.Exit<A, E>) => {
          if (alarm !== undefined) Alarm.cancel(alarm)
          done(exit)
        }
        joined.waiters.add(waiter)
        return () => {
          void stopWaiting()
          return leave()
        }
      }

    return { join, size: () => flights.size + apart.size }
  })

/** A flight that a caller may join: one that was cut short is only for those who have no more time. */
const joinable = <A, E>(flight: Flight<A, E> | undefined, until: number): Flight<A, E> | undefined =>
  flight?.end === undefined || (flight.short && flight.until < until) ? undefined : flight
