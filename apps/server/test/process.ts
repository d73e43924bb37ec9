/** The service as a process of its own, as an operator starts and ends it. */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Data, Effect } from "effect"

const script = new URL("../src/main.ts", import.meta.url).pathname

// Halves the time to start, of which these tests have many.
const compileCache = new URL("../../../node_modules/.cache/portico", import.meta.url).pathname

export interface Process {
  readonly signal: (signal: "SIGTERM" | "SIGINT" | "SIGUSR2") => Effect.Effect<void>
  /** Its address, once it says that it listens; fails where it ends instead. */
  readonly listening: Effect.Effect<string, EndedInstead>
  /** Its exit code, once it has ended; null where a signal killed it. */
  readonly ended: Effect.Effect<number | null>
  /** What it has written so far: both streams, and its errors alone. */
  readonly output: () => string
  readonly errors: () => string
}

class EndedInstead extends Data.TaggedError("EndedInstead")<{
  readonly code: number | null
  readonly output: string
}> {}

/** Starts it with these settings and no others. It does not outlive the scope. */
export const start = (settings: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, [script], {
        env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE: compileCache, PORTICO_PORT: "0", ...settings },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      let errors = ""
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
      const listening = new Promise<string>((resolve) => {
        child.stdout.on("data", (chunk) => {
          output += chunk
          const url = /^portico: listening on (\S+)$/m.exec(output)?.[1]
          if (url !== undefined) resolve(url)
        })
      })
      child.stderr.on("data", (chunk) => {
        output += chunk
        errors += chunk
      })
      const started: Process = {
        signal: (signal) => Effect.sync(() => child.kill(signal)),
        listening: Effect.raceFirst(
          Effect.promise(() => listening),
          Effect.flatMap(
            Effect.promise(() => ended),
            (code) => Effect.fail(new EndedInstead({ code, output }))
          )
        ),
        ended: Effect.promise(() => ended),
        output: () => output,
        errors: () => errors
      }
      return { child, ended, started }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  ).pipe(Effect.map(({ started }) => started))

/** All five upstreams at one address. */
export const upstreamsAt = (url: URL): Record<string, string> => ({
  PORTICO_UPSTREAM_VERSION: url.href,
  PORTICO_UPSTREAM_LIVE: url.href,
  PORTICO_UPSTREAM_USER: url.href,
  PORTICO_UPSTREAM_EQUITY: url.href,
  PORTICO_UPSTREAM_STATISTICS: url.href
})

/** Entries that may take long, for tests in which they do. */
export const patient = { PORTICO_ENTRY_DEADLINE: "30 seconds", PORTICO_UPSTREAM_TIMEOUT: "30 seconds" }

/** How many milliseconds an effect took. */
export const took = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const from = performance.now()
    return Effect.map(effect, (value) => [performance.now() - from, value] as const)
  })

/** A folder that goes with the scope. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "portico-server-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
