/**
 * Runs the five reference upstreams alone, on ports that stay: for trying Portico against processes that one can break, stop
 * and start.
 *
 * PORTICO_UPSTREAMS_PORTS (9101,9102,9103,9104,9105: version, live, user, equity, statistics) · PORTICO_UPSTREAMS_HOST
 * (127.0.0.1) · PORTICO_UPSTREAMS_LATENCY (10-60, milliseconds) · PORTICO_DATA (.data)
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, Console, Data, Effect, Exit, Layer } from "effect"
import * as Upstreams from "./Upstreams.ts"

/** A variable that reads well and means nothing: what it should be instead. */
class BadSetting extends Data.TaggedError("BadSetting")<{ readonly message: string }> {}

const settings = Effect.gen(function* () {
  const ports = yield* Config.String("PORTICO_UPSTREAMS_PORTS").pipe(Config.withDefault("9101,9102,9103,9104,9105"))
  const latency = yield* Config.String("PORTICO_UPSTREAMS_LATENCY").pipe(Config.withDefault("10-60"))
  const host = yield* Config.String("PORTICO_UPSTREAMS_HOST").pipe(Config.withDefault("127.0.0.1"))
  const data = yield* Config.String("PORTICO_DATA").pipe(Config.withDefault(".data"))
  const five = ports.split(",").map((port) => (/^ *\d{1,5} *$/.test(port) ? Number(port) : Infinity))
  const [version, live, user, equity, statistics] = five
  if (
    five.length !== 5 ||
    version === undefined ||
    live === undefined ||
    user === undefined ||
    equity === undefined ||
    statistics === undefined ||
    five.some((port) => port > 65_535)
  ) {
    return yield* new BadSetting({
      message: "PORTICO_UPSTREAMS_PORTS should be five ports (0 to 65535) separated by commas."
    })
  }
  const [, low, high] = /^(\d{1,6})-(\d{1,6})$/.exec(latency) ?? []
  if (low === undefined || high === undefined || Number(low) > Number(high)) {
    return yield* new BadSetting({
      message: "PORTICO_UPSTREAMS_LATENCY should be two numbers of milliseconds, the lesser first, such as 10-60."
    })
  }
  const range = { min: Number(low), max: Number(high) }
  return { data, host, latency: range, ports: { version, live, user, equity, statistics } }
})

const program = Effect.gen(function* () {
  const options = yield* settings
  const context = yield* Layer.build(Upstreams.layer(options))
  const { baseUrls } = yield* Effect.provide(Upstreams.Upstreams, context)
  for (const name of Upstreams.names) yield* Console.log(`${name.padEnd(10)} ${baseUrls[name]}`)
  const admin = `${baseUrls.statistics}/admin/fault`
  yield* Console.log(`
Break one and watch; each has /admin/fault on its own port:
  curl -X PUT ${admin} -d '{"kind":"slow","latency":{"min":500,"max":900}}'
  curl -X PUT ${admin} -d '{"kind":"status","status":503,"retryAfter":2,"rate":0.5}'
  curl -X PUT ${admin} -d '{"kind":"hang","for":"30 seconds"}'
  curl -X PUT ${admin} -d '{"kind":"reset"}'
  curl ${admin}
  curl -X DELETE ${admin}`)
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.tapError((error) => Console.error(`upstreams: ${error.message}`))
)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  // To be told to stop is no failure.
  teardown: (exit, onExit) => onExit(Exit.hasInterrupts(exit) || Exit.isSuccess(exit) ? 0 : 1)
})
