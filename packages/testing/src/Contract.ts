/**
 * The contract kit: asks a live service what Portico will ask of it, and says what it breaks.
 *
 * For the team that owns an upstream: run it against a service before callers do, in CI or by hand. It asks over the real
 * {@link Transport}, with the paths, statuses and batch form of the upstream's own layer, for inputs that the service knows
 * and for some that it does not. Each request is sent several times: do not point it at requests that change something.
 *
 * @example
 * const report = yield* Contract.check({
 *   upstream: Statistics,
 *   output: RoomStatistics,
 *   http: Statistics.http(endpoint),
 *   known: [{ roomId: RoomId.make("1001") }],
 *   unknown: [{ roomId: RoomId.make("no-such-room") }]
 * }).pipe(Effect.provide(Transport.layer))
 * report.kept // => true
 * console.log(Contract.render(report))
 */
import { Transport } from "@portico/upstream/Transport"
import type { HttpOptions, ServiceClass } from "@portico/upstream/Upstream"
import { Duration, Effect, type Schema } from "effect"
import * as Checks from "./internal/ContractChecks.ts"
import * as Probe from "./internal/Probe.ts"

/** A service, and what to ask it. */
export interface Subject<Self, Name extends string, I, A, E> {
  readonly upstream: ServiceClass<Self, Name, I, A, E>
  /** The schema of the upstream's definition. */
  readonly output: Schema.ConstraintDecoder<A>
  /** Where the service is and how it is asked. Of the policies, `timeout` and `maxResponse` hold for each request here too. */
  readonly http: HttpOptions<I, A, E>
  /** Inputs that the service has an answer for: at least one; two or more make a batch worth the name. */
  readonly known: readonly [I, ...ReadonlyArray<I>]
  /** Inputs that it has none for, where there are such. */
  readonly unknown?: ReadonlyArray<I>
  /** Whether an answer is about this input. Where there is a batch form, its `id` and `field` say so already. */
  readonly about?: (input: I, answer: A) => boolean
}

/** One promise of the contract, and whether it is kept. */
export interface Check {
  /** The promise, as a sentence. */
  readonly name: string
  readonly outcome: "kept" | "broken" | "left out"
  /** What was asked and what is wrong with what came, a line each; or why there was nothing to check. */
  readonly details: ReadonlyArray<string>
}

/** What became of a subject. */
export interface Report {
  readonly upstream: string
  readonly baseUrl: URL
  readonly checks: ReadonlyArray<Check>
  /** Whether nothing is broken. */
  readonly kept: boolean
}

/** Checks every promise, one after the other. A service that cannot be reached is a broken promise, not an error. */
export const check = <Self, Name extends string, I, A, E>(
  subject: Subject<Self, Name, I, A, E>
): Effect.Effect<Report, never, Transport> =>
  Effect.gen(function* () {
    const { upstream, http } = subject
    const transport = yield* Transport
    const wire = yield* transport.connect({
      upstream: upstream.upstream,
      baseUrl: http.baseUrl,
      maxResponse: http.policies.maxResponse ?? 262_144
    })
    const ask = Probe.over(wire, Duration.fromInputUnsafe(http.policies.timeout))

    const [reachable, ...clauses] = Checks.of(subject, ask)
    const first = yield* verdict(reachable)
    const unreached: Check["details"] = ["it could not be asked"]
    const rest =
      first.outcome === "broken"
        ? clauses.map(({ name }): Check => ({ name, outcome: "left out", details: unreached }))
        : yield* Effect.forEach(clauses, verdict, { concurrency: 1 })
    const checks = [first, ...rest]
    const kept = checks.every(({ outcome }) => outcome !== "broken")
    return { upstream: upstream.upstream, baseUrl: http.baseUrl, checks, kept }
  }).pipe(Effect.scoped)

const verdict = ({ name, breaches }: Checks.Clause): Effect.Effect<Check, never, Transport> =>
  Effect.map(breaches, (found): Check => {
    if ("leftOut" in found) return { name, outcome: "left out", details: [found.leftOut] }
    return { name, outcome: found.length === 0 ? "kept" : "broken", details: found }
  })

const marks: Readonly<Record<Check["outcome"], string>> = {
  kept: "ok      ",
  broken: "BROKEN  ",
  "left out": "-       "
}

/** A report as text for people, a line for each check and under it what is wrong. */
export const render = ({ upstream, baseUrl, checks, kept }: Report): string => {
  const lines = checks.flatMap(({ name, outcome, details }) =>
    outcome === "left out"
      ? [`  ${marks[outcome]}${name} (${details.join(", ")})`]
      : [`  ${marks[outcome]}${name}`, ...details.map((detail) => `            ${detail}`)]
  )
  return [`${upstream} at ${baseUrl.href} ${kept ? "keeps" : "breaks"} its contract`, ...lines].join("\n")
}
