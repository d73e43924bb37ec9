import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { ConfigProvider, Duration, Effect } from "effect"
import * as Settings from "../src/Settings.ts"
import { answerWell, get } from "./fixture.ts"
import * as Process from "./process.ts"

const load = (env: Readonly<Record<string, string>>) =>
  Effect.provide(Settings.load, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } })))

const problemsOf = (env: Readonly<Record<string, string>>) =>
  Effect.map(Effect.flip(load(env)), ({ problems }) => problems)

const five = Process.upstreamsAt(new URL("http://10.0.0.1:9000/base"))

/** Values that stop the start, and what the operator is told that they should be. */
const bad: ReadonlyArray<readonly [variable: string, values: ReadonlyArray<string>, expected: RegExp]> = [
  ["PORTICO_PORT", ["-1", "65536", "80.5", "http", "0x50"], /a port from 0 \(any free one\) to 65535/],
  [
    "PORTICO_ENTRY_DEADLINE",
    ["soon", "0", "-1 second", "0 seconds", "2 hours", "Infinity"],
    /a duration up to an hour/
  ],
  ["PORTICO_UPSTREAM_TIMEOUT", ["5 parsecs", "0 millis"], /a duration up to an hour, such as "800 millis"/],
  ["PORTICO_UPSTREAM_LIVE_TIMEOUT", ["never", "-5 millis"], /a duration up to an hour/],
  ["PORTICO_DRAIN", ["slowly", "0 seconds"], /a duration up to an hour/],
  ["PORTICO_MAX_RESPONSE", ["big", "-1", "0", "2 GiB"], /a size up to 1 GiB, such as "256 KiB"/],
  ["PORTICO_MAX_IN_FLIGHT", ["0", "-1", "1.5", "1000001", "many", "Off"], /a whole number from 1 to 1000000, or "off"/],
  ["PORTICO_LOG_LEVEL", ["Loud", "info "], /one of All, Trace, Debug, Info, Warn, Error, Fatal, None/]
]

const badUrls = [
  "live",
  "//live:1",
  "ftp://live",
  "file:///etc/passwd",
  "http://user:secret@live",
  "http://live/?a=b",
  "http://live/#here"
]

describe("settings", () => {
  it.effect("the defaults are those of the README", () =>
    Effect.gen(function* () {
      const settings = yield* load({})
      assert.deepInclude(settings, {
        host: "127.0.0.1",
        port: 8080,
        upstreams: undefined,
        maxResponse: 262_144,
        maxInFlight: 2_048,
        data: ".data",
        logLevel: "Info"
      })
      assert.strictEqual(Duration.toMillis(settings.entryDeadline), 1_000)
      assert.strictEqual(Duration.toMillis(settings.drain), 10_000)
      for (const timeout of Object.values(settings.upstreamTimeouts)) {
        assert.strictEqual(Duration.toMillis(timeout), 800)
      }
      // An empty variable is an unset one.
      assert.deepStrictEqual(yield* load({ PORTICO_PORT: "", PORTICO_UPSTREAM_LIVE: " " }), settings)
    })
  )

  it.effect("good values are taken, an upstream's own timeout before that of all", () =>
    Effect.gen(function* () {
      const settings = yield* load({
        ...five,
        PORTICO_PORT: "0",
        PORTICO_HOST: "0.0.0.0",
        PORTICO_UPSTREAM_TIMEOUT: "2 seconds",
        PORTICO_UPSTREAM_LIVE_TIMEOUT: "50 millis",
        PORTICO_MAX_RESPONSE: "1 MiB",
        PORTICO_MAX_IN_FLIGHT: "300",
        PORTICO_LOG_LEVEL: "Debug"
      })
      assert.deepInclude(settings, {
        host: "0.0.0.0",
        port: 0,
        maxResponse: 1_048_576,
        maxInFlight: 300,
        logLevel: "Debug"
      })
      assert.strictEqual((yield* load({ PORTICO_MAX_IN_FLIGHT: "off" })).maxInFlight, Infinity)
      assert.strictEqual(settings.upstreams?.equity.href, "http://10.0.0.1:9000/base")
      assert.strictEqual(Duration.toMillis(settings.upstreamTimeouts.live), 50)
      assert.strictEqual(Duration.toMillis(settings.upstreamTimeouts.user), 2_000)
    })
  )

  for (const [variable, values, expected] of bad) {
    it.effect(`${variable}: a bad value is named with what it should be`, () =>
      Effect.gen(function* () {
        for (const value of values) {
          const problems = yield* problemsOf({ [variable]: value })
          assert.strictEqual(problems.length, 1, value)
          assert.match(problems[0]!, new RegExp(`^${variable} should be `))
          assert.match(problems[0]!, expected)
        }
      })
    )
  }

  it.effect("an upstream's URL that is none, or carries what it may not, is named without being repeated", () =>
    Effect.gen(function* () {
      for (const value of badUrls) {
        const problems = yield* problemsOf({ ...five, PORTICO_UPSTREAM_USER: value })
        assert.deepStrictEqual(
          problems,
          ["PORTICO_UPSTREAM_USER should be an http or https URL without credentials, query and fragment"],
          value
        )
      }
    })
  )

  it.effect("some upstreams' URLs without the others are an error that names the others", () =>
    Effect.gen(function* () {
      const { PORTICO_UPSTREAM_USER: _, PORTICO_UPSTREAM_EQUITY: __, ...three } = five
      const problems = yield* problemsOf(three)
      assert.strictEqual(problems.length, 1)
      assert.match(problems[0]!, /^PORTICO_UPSTREAM_USER, PORTICO_UPSTREAM_EQUITY should be set too/)
    })
  )

  it.effect("a known variable that does nothing yet is an error", () =>
    Effect.gen(function* () {
      for (const variable of Settings.notYet) {
        assert.match(
          (yield* problemsOf({ [variable]: "something" }))[0] ?? "",
          new RegExp(`^${variable} does nothing yet`)
        )
      }
    })
  )
})

describe("the start", () => {
  it.live("every problem of the settings is listed at once, without a stack, with exit code 1", () =>
    Effect.gen(function* () {
      const service = yield* Process.start({
        PORTICO_PORT: "70000",
        PORTICO_DRAIN: "slowly",
        PORTICO_MAX_RESPONSE: "big",
        PORTICO_UPSTREAM_LIVE: "ftp://live"
      })
      assert.strictEqual(yield* service.ended, 1)
      const lines = service.errors().trim().split("\n")
      assert.strictEqual(lines.length, 4, service.output())
      for (const variable of ["PORT", "DRAIN", "MAX_RESPONSE", "UPSTREAM_LIVE"]) {
        assert.isTrue(
          lines.some((line) => line.includes(`PORTICO_${variable} should be `)),
          variable
        )
      }
      assert.strictEqual(service.output(), service.errors())
    })
  )

  it.live("on a port that is taken it says so and how to choose another; who has the port goes on", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const first = yield* Process.start(Process.upstreamsAt(upstream.url))
      const url = yield* first.listening
      const { port } = new URL(url)
      const second = yield* Process.start({ ...Process.upstreamsAt(upstream.url), PORTICO_PORT: port })
      assert.strictEqual(yield* second.ended, 1)
      assert.match(
        second.errors(),
        new RegExp(`^portico: port ${port} of 127\\.0\\.0\\.1 is taken: choose another with PORTICO_PORT, .*\\n$`)
      )
      assert.strictEqual((yield* get(`${url}/v1/rooms/1001/entry`)).status, 200)
    })
  )

  it.live("without upstreams of its own it embeds the reference ones, over a folder that it makes", () =>
    Effect.gen(function* () {
      const data = `${yield* Process.folder}/not/there/yet`
      const service = yield* Process.start({ PORTICO_DATA: data })
      const url = yield* service.listening
      const answer = yield* get(`${url}/v1/rooms/1001/entry`)
      assert.strictEqual(answer.status, 200)
      assert.isTrue(answer.body["complete"])
      for (const name of ["version", "live", "user", "equity", "statistics"]) {
        assert.match(
          service.output(),
          new RegExp(`^portico: embedded upstream ${name} +http://127\\.0\\.0\\.1:\\d+$`, "m")
        )
      }
      yield* service.signal("SIGTERM")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 0)
      assert.isBelow(millis, 2_000)
    })
  )

  it.live("a data folder that cannot be is named, with exit code 1 and without a stack", () =>
    Effect.gen(function* () {
      const service = yield* Process.start({ PORTICO_DATA: "/dev/null/data" })
      assert.strictEqual(yield* service.ended, 1)
      assert.match(service.errors(), /^portico: .*\/dev\/null\/data/)
      assert.notMatch(service.errors(), /^ +at /m)
    })
  )
})
