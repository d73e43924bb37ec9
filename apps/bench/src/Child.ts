/** Child processes: pinned to a core, allowed many sockets, and always ended, by their own id, with their scope. */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { tools } from "./Tools.ts"

export interface Command {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly core?: number | undefined
}

const roomForSockets = `ulimit -n 200000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"`

const launch = (command: Command, stdout: "pipe" | number, stderr: "pipe" | number): ChildProcess => {
  const pin = command.core === undefined ? [] : [tools.taskset ?? "taskset", "-c", String(command.core)]
  return spawn("/bin/sh", ["-c", roomForSockets, "sh", ...pin, command.program, ...command.args], {
    cwd: command.cwd,
    env: { ...process.env, ...command.env },
    stdio: ["ignore", stdout, stderr],
    // Its own group: a Ctrl-C reaches the harness alone, which then ends its children in order.
    detached: true
  })
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

const ended = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
  })

const end = (child: ChildProcess) =>
  Effect.gen(function* () {
    if (child.pid === undefined || hasEnded(child)) return
    child.kill("SIGTERM")
    const gone = yield* Effect.timeoutOption(ended(child), "3 seconds")
    if (gone._tag === "Some") return
    child.kill("SIGKILL")
    yield* Effect.timeoutOption(ended(child), "3 seconds")
  })

export interface Server {
  /** The processes that it consists of; their children belong to it too. */
  readonly pids: ReadonlyArray<number>
  /** The last lines that it wrote, and whether it is still there. */
  readonly lastWords: () => string
  readonly isRunning: () => boolean
}

/** A server for as long as the scope lasts; what it prints goes to `log`. */
export const serve = (command: Command, log: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const file = openSync(log, "a")
        const child = launch(command, file, file)
        closeSync(file)
        child.on("error", () => {})
        return child
      },
      catch: (error) => new BenchError({ message: `${command.program} did not start: ${String(error)}` })
    }),
    end
  ).pipe(
    Effect.map((child): Server => ({
      pids: child.pid === undefined ? [] : [child.pid],
      lastWords: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(-15).join("\n") : ""),
      isRunning: () => child.pid !== undefined && !hasEnded(child)
    }))
  )

/** Runs to its end and answers what it printed; interrupted, it is ended. */
export const run = (command: Command) =>
  Effect.callback<string, BenchError>((resume) => {
    const child = launch(command, "pipe", "pipe")
    const out: Array<string> = []
    const err: Array<string> = []
    child.stdout?.setEncoding("utf8").on("data", (text: string) => out.push(text))
    child.stderr?.setEncoding("utf8").on("data", (text: string) => err.push(text))
    child.once("error", (error) => resume(Effect.fail(new BenchError({ message: String(error) }))))
    child.once("close", (code) =>
      resume(
        code === 0
          ? Effect.succeed(out.join(""))
          : Effect.fail(
              new BenchError({ message: `${command.program} ended with ${code}: ${err.join("").slice(-2000)}` })
            )
      )
    )
    return end(child)
  })
