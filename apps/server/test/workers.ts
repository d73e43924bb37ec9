/** The service as several processes on one port, and clients that come to them on connections of their own. */
import { execFileSync } from "node:child_process"
import * as http from "node:http"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { eventually } from "./fixture.ts"
import * as Process from "./process.ts"

export interface Several {
  readonly service: Process.Process
  readonly url: string
  /** The worker of a place now, once it listens. */
  readonly pidOf: (index: number) => number | undefined
}

/** Starts it with two workers, and waits until both listen. */
export const start = (settings: Readonly<Record<string, string>>) =>
  Effect.gen(function* () {
    const service = yield* Process.start({ PORTICO_WORKERS: "2", ...settings })
    const url = yield* service.listening
    const pidOf = (index: number) => {
      const lines = [...service.output().matchAll(new RegExp(`^portico: worker ${index} is process (\\d+)$`, "gm"))]
      const pid = lines.at(-1)?.[1]
      return pid === undefined ? undefined : Number(pid)
    }
    return { service, url, pidOf } satisfies Several
  })

/** Sends any signal to one process. */
export const kill = (pid: number | undefined, signal: NodeJS.Signals) =>
  Effect.sync(() => pid !== undefined && process.kill(pid, signal))

const ps = (column: string, pid: number) => {
  try {
    return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim()
  } catch {
    return ""
  }
}

/** Whether a process has ended; one that nobody has waited for yet has ended as well. */
export const isGone = (pid: number) => /^$|^Z/.test(ps("stat", pid))

export const parentOf = (pid: number) => Number(ps("ppid", pid))

/** Waits until another worker listens in a place. */
export const replaced = ({ pidOf }: Several, index: number, before: number | undefined) =>
  eventually(() => pidOf(index) !== before, 20_000)

export interface Fetched {
  readonly status: number
  readonly body: string
}

/** A request on a connection of its own, which may go to any worker; status 0 where none came back. */
export const get = (url: string, headers: Record<string, string> = { "x-user-id": "2001" }): Effect.Effect<Fetched> =>
  Effect.callback((resume) => {
    const request = http.get(url, { agent: false, headers }, (response) => {
      let body = ""
      response.on("data", (chunk) => (body += chunk))
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, body })))
      response.on("error", () => resume(Effect.succeed({ status: 0, body })))
    })
    request.on("error", () => resume(Effect.succeed({ status: 0, body: "" })))
    return Effect.sync(() => request.destroy())
  })

/** Entries that are answered well, one after the other, on as many connections. */
export const enter = (url: string, times: number) =>
  Effect.forEach(
    Array.from({ length: times }),
    () => Effect.map(get(`${url}/v1/rooms/1001/entry`), ({ status, body }) => assert.strictEqual(status, 200, body)),
    { discard: true }
  )

/** The value of one series in `/metrics`. */
export const metric = (url: string, series: string) =>
  Effect.map(get(`${url}/metrics`), ({ body }) => {
    const line = body.split("\n").find((line) => line.startsWith(`${series} `))
    return line === undefined ? undefined : Number(line.slice(series.length + 1))
  })
