/** The port that workers share: whose the connections are, and whom else it is closed to. */
import { readdirSync } from "node:fs"
import * as net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Effect } from "effect"
import { answerWell, eventually } from "./fixture.ts"
import * as Process from "./process.ts"
import * as Several from "./workers.ts"

/** Elsewhere the primary accepts: there is nothing to be seen of the kernel's dealing. In CI it is to be there. */
const onLinux = process.platform === "linux" || process.env["CI"] === "true" ? it.live : it.live.skip

describe("the port of several workers", { timeout: 90_000 }, () => {
  // What a primary accepts has no end: with more than the workers could serve nobody was served in time (`Workers`).
  onLinux("who waits for a worker waits in its own queue: the primary has no connections", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const { url, pidOf } = yield* Several.start(Process.upstreamsAt(upstream.url))
      const pids = [pidOf(1) ?? 0, pidOf(2) ?? 0]
      const open = (pid: number) => readdirSync(`/proc/${pid}/fd`).length
      const primary = Several.parentOf(pids[0] ?? 0)
      const before = open(primary)
      const go = Effect.forEach(pids, (pid) => Several.kill(pid, "SIGCONT"))
      yield* Effect.acquireRelease(
        Effect.forEach(pids, (pid) => Several.kill(pid, "SIGSTOP")),
        () => go
      )
      let connected = 0
      const sockets = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Array.from({ length: 200 }, () =>
            net.connect({ host: "127.0.0.1", port: Number(new URL(url).port) }, () => connected++)
          )
        ),
        (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
      )
      yield* eventually(() => connected === sockets.length, 5_000)
      assert.strictEqual(open(primary), before)
      yield* go
      yield* eventually(() => pids.reduce((sum, pid) => sum + open(pid), 0) >= sockets.length, 5_000)
    })
  )

  it.live("a port that workers share is taken", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const { url } = yield* Several.start(Process.upstreamsAt(upstream.url))
      const { port } = new URL(url)
      for (const PORTICO_WORKERS of ["1", "2"]) {
        const service = yield* Process.start({
          ...Process.upstreamsAt(upstream.url),
          PORTICO_WORKERS,
          PORTICO_PORT: port
        })
        assert.strictEqual(yield* service.ended, 1)
        assert.include(service.output(), `portico: port ${port} of 127.0.0.1 is taken: `)
      }
    })
  )

  it.live("on a port that is taken one message says so", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const service = yield* Process.start({
        ...Process.upstreamsAt(upstream.url),
        PORTICO_WORKERS: "2",
        PORTICO_PORT: upstream.url.port
      })
      assert.strictEqual(yield* service.ended, 1)
      assert.match(
        service.output(),
        new RegExp(`^portico: port ${upstream.url.port} of 127\\.0\\.0\\.1 is taken: .*\\n$`)
      )
    })
  )
})
