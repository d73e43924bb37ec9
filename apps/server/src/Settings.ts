/**
 * Every number and address that an operator chooses, from the environment. A bad value stops the start with an error that
 * names the variable and says what it should be; so does a variable that is known but does nothing yet, because nobody may
 * believe himself behind a check that is not made.
 */
import { availableParallelism } from "node:os"
import * as LoadShed from "@portico/edge/LoadShed"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as FaultInjection from "@portico/upstream/FaultInjection"
import { type ByteSize, Config, Data, Duration, Effect, type LogLevel, Result } from "effect"

export interface Settings {
  readonly host: string
  readonly port: number
  /** The upstreams' base URLs; undefined: the embedded reference upstreams. */
  readonly upstreams: Readonly<Record<RoomUpstreams.Name, URL>> | undefined
  readonly entryDeadline: Duration.Duration
  readonly upstreamTimeouts: Readonly<Record<RoomUpstreams.Name, Duration.Duration>>
  /** Faults injected into the calls to the upstreams, for staging; empty: none. */
  readonly faults: FaultInjection.Faults
  /** Which upstreams have a batch form. */
  readonly batch: Readonly<Record<"user" | "equity", boolean>>
  /** In bytes. */
  readonly maxResponse: number
  /** The most entries in flight and in line; Infinity: as many as come. */
  readonly maxInFlight: number
  readonly drain: Duration.Duration
  /** How many processes serve; 1: this one. */
  readonly workers: number
  /** The folder of the embedded upstreams' SQLite file. */
  readonly data: string
  readonly logLevel: LogLevel.LogLevel
}

/** Variables that cannot be used, each with what it should be. */
export class SettingsError extends Data.TaggedError("SettingsError")<{ readonly problems: ReadonlyArray<string> }> {
  override get message() {
    return this.problems.join("\n")
  }
}

/** Reads the settings; fails with every problem there is, not just the first. */
export const load: Effect.Effect<Settings, SettingsError> = Effect.gen(function* () {
  const problems: Array<string> = []

  /** The variable's value, `otherwise` where it is unset or empty; one that cannot be used is noted. */
  const read = <A, B>(
    name: string,
    config: (name: string) => Config.Config<A>,
    accept: (value: A) => B | undefined,
    otherwise: B,
    expected: string
  ): Effect.Effect<B> =>
    Effect.gen(function* () {
      const text = yield* Effect.orElseSucceed(Config.String(name), () => "")
      if (text.trim() === "") return otherwise
      const value = yield* Effect.result(config(name))
      const accepted = Result.isSuccess(value) ? accept(value.success) : undefined
      if (accepted === undefined) problems.push(`${name} should be ${expected}`)
      return accepted ?? otherwise
    })

  const duration = (name: string, otherwise: Duration.Duration) =>
    read(name, Config.Duration, upToAnHour, otherwise, 'a duration up to an hour, such as "800 millis" or "2 seconds"')

  const text = (name: string, otherwise: string, expected: string) =>
    read(name, Config.String, (value) => value, otherwise, expected)

  const flag = (name: string) => read(name, Config.Boolean, (value) => value, false, "true or false")

  const upstreamTimeout = yield* duration("PORTICO_UPSTREAM_TIMEOUT", Duration.millis(800))
  const upstreamTimeouts = yield* each((name) => duration(`${variable(name)}_TIMEOUT`, upstreamTimeout))
  const urls = yield* each((name) =>
    read(variable(name), Config.URL, baseUrl, undefined, "an http or https URL without credentials, query and fragment")
  )

  const settings: Settings = {
    host: yield* text("PORTICO_HOST", "127.0.0.1", "the address to listen on"),
    port: yield* read("PORTICO_PORT", Config.Int, port, 8080, "a port from 0 (any free one) to 65535"),
    upstreams: allOrNone(urls, problems),
    entryDeadline: yield* duration("PORTICO_ENTRY_DEADLINE", Duration.seconds(1)),
    upstreamTimeouts,
    faults: yield* read(
      "PORTICO_FAULTS",
      Config.String,
      (text) => FaultInjection.parse(text, RoomUpstreams.names),
      FaultInjection.none,
      FaultInjection.expected
    ),
    batch: { user: yield* flag(`${variable("user")}_BATCH`), equity: yield* flag(`${variable("equity")}_BATCH`) },
    maxResponse: yield* read(
      "PORTICO_MAX_RESPONSE",
      Config.ByteSize,
      upToAGiB,
      262_144,
      'a size up to 1 GiB, such as "256 KiB"'
    ),
    maxInFlight: yield* read(
      "PORTICO_MAX_IN_FLIGHT",
      Config.String,
      upToAMillion,
      LoadShed.maxInFlight,
      'a whole number from 1 to 1000000, or "off" for no load shedding'
    ),
    drain: yield* duration("PORTICO_DRAIN", Duration.seconds(10)),
    workers: yield* read("PORTICO_WORKERS", Config.String, upTo256, 1, "a number from 1 to 256, or auto: one a core"),
    data: yield* text("PORTICO_DATA", ".data", "a folder"),
    logLevel: yield* read("PORTICO_LOG_LEVEL", Config.LogLevel, (level) => level, "Info", logLevels)
  }

  for (const name of notYet) {
    if ((yield* text(name, "", "text")) !== "") problems.push(`${name} does nothing yet: unset it`)
  }

  return problems.length === 0 ? settings : yield* new SettingsError({ problems })
})

/** Known variables that ask for what is not there. */
export const notYet = [
  "PORTICO_RATE_LIMIT",
  "PORTICO_JWT_SECRET",
  "PORTICO_JWKS_URL",
  "PORTICO_REDIS_URL",
  "PORTICO_CORS_ORIGINS",
  "OTEL_EXPORTER_OTLP_ENDPOINT"
] as const

/** The variable of an upstream's URL. */
export const variable = (name: RoomUpstreams.Name) => `PORTICO_UPSTREAM_${name.toUpperCase()}`

const each = <A>(f: (name: RoomUpstreams.Name) => Effect.Effect<A>): Effect.Effect<Record<RoomUpstreams.Name, A>> =>
  Effect.gen(function* () {
    return {
      version: yield* f("version"),
      live: yield* f("live"),
      user: yield* f("user"),
      equity: yield* f("equity"),
      statistics: yield* f("statistics")
    }
  })

const allOrNone = (
  { version, live, user, equity, statistics }: Readonly<Record<RoomUpstreams.Name, URL | undefined>>,
  problems: Array<string>
): Settings["upstreams"] => {
  if (version && live && user && equity && statistics) return { version, live, user, equity, statistics }
  const given = { version, live, user, equity, statistics }
  const missing = RoomUpstreams.names.filter((name) => given[name] === undefined)
  if (missing.length < RoomUpstreams.names.length && problems.length === 0) {
    problems.push(
      `${missing.map(variable).join(", ")} should be set too: either all five upstreams have a URL, or none has, for the embedded ones`
    )
  }
  return undefined
}

const port = (value: number) => (value >= 0 && value <= 65_535 ? value : undefined)

const upToAnHour = (value: Duration.Duration) =>
  Duration.isGreaterThan(value, Duration.zero) && Duration.isLessThanOrEqualTo(value, Duration.hours(1))
    ? value
    : undefined

const upToAGiB = (value: ByteSize.ByteSize) => (value > 0n && value <= 1_073_741_824n ? Number(value) : undefined)

const upToAMillion = (value: string) =>
  value === "off" ? Infinity : /^[1-9]\d{0,5}$|^1000000$/.test(value) ? Number(value) : undefined

const upTo256 = (value: string) =>
  value === "auto"
    ? Math.min(availableParallelism(), 256)
    : /^[1-9]\d{0,2}$/.test(value) && Number(value) <= 256
      ? Number(value)
      : undefined

const logLevels = "one of All, Trace, Debug, Info, Warn, Error, Fatal, None"

const baseUrl = (url: URL) =>
  (url.protocol === "http:" || url.protocol === "https:") && url.username + url.password + url.search + url.hash === ""
    ? url
    : undefined
