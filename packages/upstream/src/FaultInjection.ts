/**
 * Faults on purpose, for staging: answers that come late and answers that are errors, at rates, per upstream. A layer around
 * the Transport, so that everything above it, policies, circuits and metrics, lives them as real ones.
 *
 * Off is the absence of this layer. On, it is loud: a warning when it is built, whatever the log level, and
 * `upstream_injected_faults_total` for each fault. It is not for unit tests, which want no chance: see the fakes of
 * `@portico/testing`.
 *
 * @example
 * const faults = FaultInjection.parse("live:latency=200ms@0.5,error=0.1;user:error=0.05", ["live", "user"])
 * const transport = Layer.provide(FaultInjection.layer(faults ?? FaultInjection.none), Transport.layer)
 */
import * as Alarm from "@portico/call/Alarm"
import * as Series from "@portico/call/Series"
import { Effect, Exit, type Fiber, Layer, Random, References } from "effect"
import { type Response, type Sent, Transport, type Wire } from "./Transport.ts"

/** What befalls the requests to one upstream. The rates are of chances from 0 to 1, independent of each other. */
export interface Fault {
  /** How much later a request is sent, in milliseconds, and how often. */
  readonly latency?: { readonly millis: number; readonly rate: number }
  /** How often a 503 is the answer and the upstream is not asked. */
  readonly error?: number
}

/** The faults by the name of the upstream. */
export type Faults = ReadonlyMap<string, Fault>

/** No faults. */
export const none: Faults = new Map()

/** What {@link parse} understands, for whoever wrote something else. */
export const expected =
  'faults such as "live:latency=200ms@0.5,error=0.1;user:error=0.05": for an upstream, latency=MILLISECONDSms@RATE (no rate: ' +
  "always) and error=RATE, rates from 0 to 1"

/** Reads faults as {@link expected} says; undefined where it is anything else, or names an upstream not among `names`. */
export const parse = (text: string, names: ReadonlyArray<string>): Faults | undefined => {
  const faults = new Map<string, Fault>()
  for (const part of text.split(";")) {
    const [, name, rest] = /^\s*([^:\s]+)\s*:(.*)$/.exec(part) ?? []
    const fault = rest === undefined ? undefined : parseFault(rest)
    // Twice the same name is a slip: nobody would know which counts.
    if (name === undefined || fault === undefined || !names.includes(name) || faults.has(name)) return undefined
    faults.set(name, fault)
  }
  return faults
}

const parseFault = (text: string): Fault | undefined => {
  const fault: { latency?: Fault["latency"] & {}; error?: number } = {}
  for (const part of text.split(",")) {
    const [, millis, often = "1"] = /^\s*latency=(\d{1,5})ms(?:@(\S+))?\s*$/.exec(part) ?? []
    const [, error] = /^\s*error=(\S+)\s*$/.exec(part) ?? []
    const rate = parseRate(error ?? often)
    if (rate === undefined) return undefined
    if (error !== undefined && fault.error === undefined) fault.error = rate
    else if (millis !== undefined && fault.latency === undefined) fault.latency = { millis: Number(millis), rate }
    else return undefined
  }
  return fault
}

const parseRate = (text: string): number | undefined =>
  /^(?:0|1|0?\.\d+|[01]\.0*)$/.test(text) ? Number(text) : undefined

/** A Transport with these faults over another. Upstreams without a fault have the other's wire itself. */
export const layer = (faults: Faults): Layer.Layer<Transport, never, Transport> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const { connect } = yield* Transport
      for (const [upstream, fault] of faults) yield* warn(upstream, fault)
      return {
        connect: (options) => {
          const fault = faults.get(options.upstream)
          if (fault === undefined) return connect(options)
          return Effect.flatMap(connect(options), (wire) =>
            Effect.withFiber((fiber) => Effect.sync(() => faulty(wire, fault, counter(options.upstream, fiber), fiber)))
          )
        }
      }
    })
  )

// Nobody may turn this down: who reads the log of a service with faults must learn of them.
const warn = (upstream: string, { latency, error }: Fault): Effect.Effect<void> =>
  Effect.logWarning(`faults are injected into calls to ${upstream}`).pipe(
    Effect.annotateLogs({
      ...(latency === undefined ? {} : { latency: `${latency.millis} ms`, latencyRate: latency.rate }),
      ...(error === undefined ? {} : { errorRate: error })
    }),
    Effect.provideService(References.MinimumLogLevel, "All")
  )

type AnyFiber = Fiber.Fiber<unknown, unknown>

type Count = (fault: "latency" | "error", times: number) => void

const injected = Series.counter("upstream_injected_faults_total", "Faults injected on purpose, by what they were")

/** Counts the faults of one upstream; both series are there from the start, so that one sees that faults are on. */
const counter = (upstream: string, { context }: AnyFiber): Count => {
  const count = Series.by(injected, "fault", { upstream }, context)
  count("latency", 0)
  count("error", 0)
  return count
}

const overloaded: Response = { status: 503, headers: {}, body: '{"error":"injected"}' }

const faulty = (wire: Wire, { latency, error = 0 }: Fault, count: Count, owner: AnyFiber): Wire => {
  const random = owner.getRef(Random.Random)
  const timekeeper = Alarm.timekeeper(owner)
  return (source, asker) => {
    const late = latency !== undefined && random.nextDoubleUnsafe() < latency.rate
    const fails = random.nextDoubleUnsafe() < error
    const send = () => {
      if (!fails) return wire(source, asker)
      count("error", 1)
      asker.tell(Exit.succeed(overloaded))
      return nothing
    }
    if (!late) return send()
    count("latency", 1)
    return after(timekeeper, latency.millis, send)
  }
}

/** Does it so much later. Ended before, it is not done; ended after, what was begun is ended. */
const after = (timekeeper: Alarm.Timekeeper, millis: number, send: () => Sent): Sent => {
  let sent = nothing
  const alarm = Alarm.set(timekeeper, timekeeper.clock.currentTimeMillisUnsafe() + millis, {
    ring: () => {
      sent = send()
    }
  })
  return {
    end: () => {
      Alarm.cancel(alarm)
      sent.end()
    }
  }
}

const nothing: Sent = { end: () => {} }
