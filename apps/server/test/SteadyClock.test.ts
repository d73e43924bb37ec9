/** The machine's clock is set while an entry is under way: whoever waits notices nothing of it. */
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect, Fiber } from "effect"
import { eventually, get } from "./fixture.ts"
import * as Process from "./process.ts"

/** Puts the machine's clock, as the process sees it, an hour back or forth with a signal. */
const settable = (millis: number) =>
  `data:text/javascript,const now=Date.now;let by=0;Date.now=()=>now()+by;process.on("SIGUSR2",()=>{by=${millis}})`

describe("a machine whose clock is set", () => {
  for (const [how, millis] of Object.entries({ back: -3_600_000, forth: 3_600_000 })) {
    it.live(`${how}: an entry ends at its deadline all the same, and not before`, () =>
      Effect.gen(function* () {
        const upstream = yield* ScriptedServer.make(() => {})
        const service = yield* Process.start({
          ...Process.upstreamsAt(upstream.url),
          PORTICO_ENTRY_DEADLINE: "2 seconds",
          PORTICO_UPSTREAM_TIMEOUT: "5 seconds",
          NODE_OPTIONS: `--import ${JSON.stringify(settable(millis))}`
        })
        const url = yield* service.listening
        const entry = yield* Effect.forkChild(Process.took(get(`${url}/v1/rooms/1001/entry?mode=failfast`)))
        yield* eventually(() => upstream.requests.length > 0, 5_000)
        yield* service.signal("SIGUSR2")
        // Whoever comes later has alarms that ring, and nobody else's ring with them.
        const [soon] = yield* Process.took(
          get(`${url}/v1/rooms/1002/entry`, { "x-envoy-expected-rq-timeout-ms": "300" })
        )
        assert.isBelow(soon, 1_000)
        const [took, { status }] = yield* Fiber.join(entry)
        assert.strictEqual(status, 504)
        assert.isAbove(took, 1_800)
        assert.isBelow(took, 3_000)
      })
    )
  }
})
