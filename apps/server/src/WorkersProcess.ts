/**
 * One worker: this same program once more, as a process that shares the primary's port.
 *
 * It ends with its scope: told by SIGTERM to drain, and killed where it takes longer than a drain may. Where the primary
 * ends without having told it, Node's cluster ends it as well, because the channel between them closes.
 */
import cluster, { type Worker } from "node:cluster"
import { Deferred, Duration, Effect, Option, type Scope } from "effect"
import * as WorkersChannel from "./WorkersChannel.ts"

export interface WorkersProcess {
  readonly pid: number | undefined
  /** Once it listens; never, where it does not. */
  readonly listening: Effect.Effect<void>
  /** How it ended, once it has: `with code 1`, `by SIGKILL`. */
  readonly ended: Effect.Effect<string>
  /** Its numbers, as text. */
  readonly ask: Effect.Effect<string>
  /** Ends it at once, whatever it does. */
  readonly kill: Effect.Effect<void>
}

export interface Options {
  /** Its environment, beside that of this process. */
  readonly environment: Readonly<Record<string, string>>
  readonly drain: Duration.Duration
  /** What it is told when it asks for everybody's numbers. */
  readonly numbers: Effect.Effect<string>
}

/** What a worker has beside the drain, to notice the signal, to close what is left open, and to end. */
const margin = Duration.seconds(2)

/** The variable that tells a worker who it is. */
export const variable = "PORTICO_WORKER"

/** The end of the channel in a worker; undefined in any other process, such as a worker of somebody else's cluster. */
export const self = (): Worker | undefined => (process.env[variable] === undefined ? undefined : cluster.worker)

export const start = ({ environment, drain, numbers }: Options): Effect.Effect<WorkersProcess, never, Scope.Scope> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const down = Deferred.makeUnsafe<string>()
      const worker = cluster.fork(environment)
      worker.once("exit", (code, signal) => Deferred.doneUnsafe(down, Effect.succeed(manner(code, signal))))
      // What never became a process says only this. Else it is about a message, and who does not get one is ending.
      worker.on("error", (error) => {
        if (worker.process.pid === undefined) Deferred.doneUnsafe(down, Effect.succeed(`as it began: ${error.message}`))
      })
      // First, so that it is there until the process has ended: a worker has questions also while it drains.
      const { ask, listening } = yield* WorkersChannel.make(worker, numbers)
      const kill = Effect.sync(() => void worker.process.kill("SIGKILL"))
      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          worker.process.kill("SIGTERM")
          const inTime = yield* Effect.timeoutOption(Deferred.await(down), Duration.sum(drain, margin))
          if (Option.isNone(inTime)) yield* kill
          yield* Deferred.await(down)
        })
      )
      return { pid: worker.process.pid, listening, ended: Deferred.await(down), ask, kill }
    })
  )

const manner = (code: number | null, signal: string | null) => (signal ? `by ${signal}` : `with code ${code}`)
