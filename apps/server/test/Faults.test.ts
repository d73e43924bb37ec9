import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { ConfigProvider, Effect } from "effect"
import * as Settings from "../src/Settings.ts"
import { answerWell, get, partsOf } from "./fixture.ts"
import * as Process from "./process.ts"

const load = (faults: string) =>
  Effect.provide(Settings.load, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { PORTICO_FAULTS: faults } })))

describe("PORTICO_FAULTS", () => {
  it.effect("is off where it is unset or empty", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load("")).faults.size, 0)
      assert.deepStrictEqual((yield* load("live:error=0.5")).faults, new Map([["live", { error: 0.5 }]]))
    })
  )

  it.effect("that cannot be read, or names no upstream of a room, stops the start with what it should be", () =>
    Effect.gen(function* () {
      for (const bad of ["on", "live:error=2", "gifts:error=0.1"]) {
        const { problems } = yield* Effect.flip(load(bad))
        assert.lengthOf(problems, 1)
        assert.match(problems[0]!, /^PORTICO_FAULTS should be faults such as "live:latency=200ms@0\.5,error=0\.1;/)
      }
    })
  )

  it.live("makes its upstreams fail, and says so at the start and in the metrics", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const service = yield* Process.start({
        ...Process.upstreamsAt(upstream.url),
        PORTICO_FAULTS: "statistics:error=1",
        PORTICO_LOG_LEVEL: "None"
      })
      const url = yield* service.listening
      const answer = yield* get(`${url}/v1/rooms/1001/entry`)
      assert.strictEqual(answer.status, 200)
      assert.strictEqual(partsOf(answer)["live"]?.["status"], "ok")
      assert.deepInclude(partsOf(answer)["statistics"], { status: "failed" })
      assert.deepInclude(partsOf(answer)["statistics"]?.["error"], { reason: "Status", status: 503 })
      assert.match(service.output(), /WARN.*faults are injected into calls to statistics/)
      const metrics = yield* Effect.promise(async () => (await fetch(`${url}/metrics`)).text())
      assert.match(metrics, /upstream_injected_faults_total\{[^}]*fault="error"[^}]*\} [12]/)
    })
  )
})
