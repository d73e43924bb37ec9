import { assert, describe, it } from "@effect/vitest"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { ConfigProvider, Effect, Fiber } from "effect"
import * as Settings from "../src/Settings.ts"
import { answerWell, eventually, pathOf } from "./fixture.ts"
import * as Process from "./process.ts"
import * as Several from "./workers.ts"

const served = 'entry_duration_seconds_count{mode="degrade",outcome="complete"}'

/** Upstreams that answer when they are told to, two workers over them, and entries that are under way in both. */
const underWay = (drain: string) =>
  Effect.gen(function* () {
    const waiting: Array<() => void> = []
    let held = false
    const upstream = yield* ScriptedServer.make((socket, head) => {
      if (held) waiting.push(() => answerWell(socket, head))
      else answerWell(socket, head)
    })
    const several = yield* Several.start({
      ...Process.upstreamsAt(upstream.url),
      ...Process.patient,
      PORTICO_DRAIN: drain
    })
    const { url, pidOf } = several
    // A version is asked for once by each process, which keeps it: both serve. Who serves whom is the kernel's choice.
    yield* Several.enter(url, 40)
    const asked = (path: string) => upstream.requests.filter((head) => pathOf(head).startsWith(path)).length
    assert.strictEqual(asked("/version"), 2)
    held = true
    const userIds = Array.from({ length: 16 }, (_, i) => `30${10 + i}`)
    const entries = yield* Effect.forEach(userIds, (userId) =>
      Effect.forkChild(Several.get(`${url}/v1/rooms/1001/entry`, { "x-user-id": userId }))
    )
    yield* eventually(() => userIds.every((userId) => asked(`/users/${userId}`) > 0), 10_000)
    const release = () => {
      held = false
      for (const answer of waiting) answer()
    }
    return { ...several, entries, release, pids: [pidOf(1), pidOf(2)].filter((pid) => pid !== undefined) }
  })

const draining = (url: string) =>
  Several.get(`${url}/health/ready`).pipe(
    Effect.flatMap(({ status }) => (status === 503 ? Effect.void : Effect.fail("ready"))),
    Effect.retry({ times: 500 })
  )

// Three processes start in each of these, some of them several times.
describe("several workers", { timeout: 90_000 }, () => {
  it.live("share one port and all serve; any of them answers the numbers of all", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const several = yield* Several.start(Process.upstreamsAt(upstream.url))
      const { service, url } = several
      assert.match(service.output(), /\nportico: listening on \S+\n$/)
      assert.strictEqual(service.output().match(/listening/g)?.length, 1)

      yield* Several.enter(url, 40)
      // Each process has asked for the version once, and keeps it: both have served.
      assert.strictEqual(upstream.requests.filter((head) => pathOf(head).startsWith("/version")).length, 2)
      for (let i = 0; i < 6; i++) {
        assert.strictEqual(yield* Several.metric(url, served), 40)
        assert.strictEqual(yield* Several.metric(url, 'upstream_attempts_total{upstream="version"}'), 2)
        assert.strictEqual(yield* Several.metric(url, 'upstream_circuit_state{upstream="live"}'), 0)
        assert.strictEqual(yield* Several.metric(url, "workers_running"), 2)
      }
    })
  )

  it.live(
    "one that is killed is replaced, after ever longer pauses; the other serves; nothing that was counted is lost",
    () =>
      Effect.gen(function* () {
        const upstream = yield* ScriptedServer.make(answerWell)
        const several = yield* Several.start(Process.upstreamsAt(upstream.url))
        const { service, url, pidOf } = several
        yield* Several.enter(url, 10)
        assert.strictEqual(yield* Several.metric(url, served), 10)
        const other = pidOf(2)
        for (const pause of [100, 200]) {
          const pid = pidOf(1)
          yield* Several.kill(pid, "SIGKILL")
          yield* eventually(() => service.output().includes(`worker 1 (process ${pid}) ended by SIGKILL`), 5_000)
          yield* Several.enter(url, 5)
          assert.include(service.output(), `(process ${pid}) ended by SIGKILL: another one starts in ${pause} ms`)
          yield* Several.replaced(several, 1, pid)
        }
        yield* Several.enter(url, 10)
        assert.strictEqual(yield* Several.metric(url, served), 30)
        assert.strictEqual(yield* Several.metric(url, "workers_ended_total"), 2)
        assert.strictEqual(yield* Several.metric(url, "workers_running"), 2)
        assert.strictEqual(pidOf(2), other)
        // The two from the start, and the last one that came.
        const versions = upstream.requests.filter((head) => pathOf(head).startsWith("/version")).length
        assert.isAtLeast(versions, 3)
      })
  )

  it.live("all that are killed at once are replaced on the same port", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const several = yield* Several.start(Process.upstreamsAt(upstream.url))
      const { url, pidOf } = several
      const pids = [pidOf(1), pidOf(2)]
      yield* Effect.forEach(pids, (pid) => Several.kill(pid, "SIGKILL"))
      yield* Several.replaced(several, 1, pids[0])
      yield* Several.replaced(several, 2, pids[1])
      yield* Several.enter(url, 4)
    })
  )

  it.live("one that is told to end drains, and is replaced", () =>
    Effect.gen(function* () {
      const { service, url, pidOf, entries, release } = yield* underWay("20 seconds")
      const pid = pidOf(1)
      yield* Several.kill(pid, "SIGTERM")
      yield* draining(url)
      release()
      for (const entry of entries) assert.strictEqual((yield* Fiber.join(entry)).status, 200)
      yield* eventually(() => pidOf(1) !== pid, 20_000)
      assert.include(service.output(), `worker 1 (process ${pid}) ended with code 0`)
      yield* Several.enter(url, 4)
    })
  )

  for (const [name, all] of [
    ["SIGTERM to the primary alone", false],
    ["SIGINT to all of them, as a terminal sends it", true]
  ] as const) {
    it.live(`${name}: what is under way everywhere is answered, new work refused, and the exit code is 0`, () =>
      Effect.gen(function* () {
        const { service, url, entries, release, pids } = yield* underWay("20 seconds")
        yield* service.signal(all ? "SIGINT" : "SIGTERM")
        if (all) yield* Effect.forEach(pids, (pid) => Several.kill(pid, "SIGINT"))
        // Once for each of the two.
        yield* draining(url)
        yield* draining(url)
        assert.strictEqual((yield* Several.get(`${url}/health/live`)).status, 200)
        release()
        for (const entry of entries) {
          const { status, body } = yield* Fiber.join(entry)
          assert.strictEqual(status, 200, body)
        }
        const [millis, code] = yield* Process.took(service.ended)
        assert.strictEqual(code, 0)
        assert.isBelow(millis, 3_000)
        assert.isTrue(pids.every(Several.isGone))
        assert.strictEqual(service.errors(), "")
        assert.notInclude(service.output(), "another one starts")
      })
    )
  }

  it.live("a second signal ends all of them at once", () =>
    Effect.gen(function* () {
      const { service, url, pids } = yield* underWay("20 seconds")
      yield* service.signal("SIGTERM")
      yield* draining(url)
      yield* service.signal("SIGTERM")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 1)
      assert.isBelow(millis, 1_000)
      yield* eventually(() => pids.every(Several.isGone))
    })
  )

  it.live("one that hangs does not outlast the drain", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const { service, pidOf } = yield* Several.start({
        ...Process.upstreamsAt(upstream.url),
        PORTICO_DRAIN: "100 millis"
      })
      yield* Several.kill(pidOf(1), "SIGSTOP")
      yield* service.signal("SIGTERM")
      const [millis, code] = yield* Process.took(service.ended)
      assert.strictEqual(code, 0)
      assert.isBelow(millis, 4_000)
      assert.isTrue(Several.isGone(pidOf(1) ?? 0))
    })
  )

  it.live("they end when the primary is killed", () =>
    Effect.gen(function* () {
      const { pids } = yield* underWay("20 seconds")
      const primary = Several.parentOf(pids[0] ?? 0)
      assert.strictEqual(Several.parentOf(pids[1] ?? 0), primary)
      yield* Several.kill(primary, "SIGKILL")
      yield* eventually(() => pids.every(Several.isGone), 5_000)
    })
  )

  it.live("without upstreams of their own they share the embedded ones", () =>
    Effect.gen(function* () {
      const data = yield* Process.folder
      const { service, url } = yield* Several.start({ PORTICO_DATA: data })
      yield* Several.enter(url, 4)
      assert.strictEqual(service.output().match(/^portico: embedded upstream/gm)?.length, 5)
      yield* service.signal("SIGTERM")
      assert.strictEqual(yield* service.ended, 0)
    })
  )

  it.live("one that hangs is killed, and replaced", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const several = yield* Several.start(Process.upstreamsAt(upstream.url))
      const { service, url, pidOf } = several
      const pid = pidOf(1)
      yield* Several.kill(pid, "SIGSTOP")
      yield* Several.replaced(several, 1, pid)
      assert.include(
        service.errors() + service.output(),
        `worker 1 (process ${pid}) has not answered for 10 s: it is killed`
      )
      yield* Several.enter(url, 10)
    })
  )

  it.live("one alone is no worker: there is no primary beside it", () =>
    Effect.gen(function* () {
      const upstream = yield* ScriptedServer.make(answerWell)
      const service = yield* Process.start({ ...Process.upstreamsAt(upstream.url), PORTICO_WORKERS: "1" })
      const url = yield* service.listening
      yield* Several.enter(url, 2)
      assert.strictEqual(yield* Several.metric(url, served), 2)
      assert.isUndefined(yield* Several.metric(url, "workers_running"))
      assert.strictEqual(service.output(), `portico: listening on ${url}\n`)
    })
  )

  it.effect("their number is from 1 to 256, 1 by default, or auto: one a core", () =>
    Effect.gen(function* () {
      const load = (env: Readonly<Record<string, string>>) =>
        Effect.provide(Settings.load, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } })))
      const workers = (value: string) => Effect.map(load({ PORTICO_WORKERS: value }), ({ workers }) => workers)
      assert.strictEqual((yield* load({})).workers, 1)
      assert.strictEqual(yield* workers("1"), 1)
      assert.strictEqual(yield* workers("256"), 256)
      assert.isAtLeast(yield* workers("auto"), 1)
      for (const bad of ["0", "-1", "257", "1000", "2.5", "two", "0x2", "Auto"]) {
        const { problems } = yield* Effect.flip(load({ PORTICO_WORKERS: bad }))
        assert.deepStrictEqual(problems, ["PORTICO_WORKERS should be a number from 1 to 256, or auto: one a core"], bad)
      }
    })
  )

  it.live("a bad number stops the start", () =>
    Effect.gen(function* () {
      const service = yield* Process.start({ PORTICO_WORKERS: "many" })
      assert.strictEqual(yield* service.ended, 1)
      assert.strictEqual(
        service.output(),
        "portico: PORTICO_WORKERS should be a number from 1 to 256, or auto: one a core\n"
      )
    })
  )
})
