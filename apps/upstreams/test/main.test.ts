import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Database from "../src/Database.ts"
import { folder, get } from "./fixture.ts"

const script = new URL("../src/main.ts", import.meta.url).pathname

/** The program as a process of its own, until it has printed its addresses or ended. */
const run = (data: string, env: Record<string, string> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script], {
        env: { PATH: process.env["PATH"], PORTICO_DATA: data, PORTICO_UPSTREAMS_PORTS: "0,0,0,0,0", ...env }
      })
      let output = ""
      child.stdout.on("data", (chunk) => (output += chunk))
      child.stderr.on("data", (chunk) => (output += chunk))
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
      const started = new Promise<void>((resolve) => {
        child.stdout.on("data", () => output.includes("DELETE") && resolve())
      })
      return { child, ended, ready: Promise.race([started, ended]), output: () => output }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("main", () => {
  it.live("prints the addresses and how to break one, serves, and ends cleanly when told to", () =>
    Effect.gen(function* () {
      const main = yield* run(yield* folder)
      yield* Effect.promise(() => main.ready)
      const urls = main.output().match(/http:\/\/127\.0\.0\.1:\d+$/gm) ?? []
      assert.isAtLeast(urls.length, 5)
      const [, live, , , statistics] = urls
      assert.strictEqual((yield* get(`${live}/rooms/1001`)).status, 200)
      assert.include(main.output(), `curl -X PUT ${statistics}/admin/fault`)
      main.child.kill("SIGTERM")
      assert.strictEqual(yield* Effect.promise(() => main.ended), 0)
    })
  )

  it.live("two processes that start at once on one folder both serve one whole file", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const both = yield* Effect.all([run(data), run(data)], { concurrency: "unbounded" })
      for (const main of both) {
        yield* Effect.promise(() => main.ready)
        const [, live] = main.output().match(/http:\/\/127\.0\.0\.1:\d+$/gm) ?? []
        assert.strictEqual((yield* get(`${live}/rooms/1001`)).status, 200)
      }
      assert.deepStrictEqual(fs.readdirSync(data), [Database.fileName])
    })
  )

  it.live("stops with what is wrong and what to do", () =>
    Effect.gen(function* () {
      const data = yield* folder
      fs.writeFileSync(join(data, "file"), "")
      for (const [env, message] of [
        [{ PORTICO_UPSTREAMS_PORTS: "0,0,0,0,70000" }, /PORTICO_UPSTREAMS_PORTS should be five ports/],
        [{ PORTICO_UPSTREAMS_LATENCY: "fast" }, /PORTICO_UPSTREAMS_LATENCY should be two numbers/],
        [{ PORTICO_DATA: join(data, "file", "x") }, /cannot be made or written to/]
      ] as const) {
        const main = yield* run(data, env)
        assert.strictEqual(yield* Effect.promise(() => main.ended), 1)
        assert.match(main.output(), message)
        assert.notInclude(main.output(), "    at ")
      }
    })
  )
})
