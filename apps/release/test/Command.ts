/** A program run to its end: its exit code, and what it wrote. */
import { Effect, Stream } from "effect"
import { ChildProcess } from "effect/process"

interface Ended {
  readonly exitCode: number
  readonly stdout: string
  /** Both streams, for whoever reads why it failed. */
  readonly written: string
}

const text = <E>(bytes: Stream.Stream<Uint8Array, E>) => Stream.mkString(Stream.decodeText(bytes))

/** Runs `program` in a folder. */
export const run = (cwd: string, program: string, ...args: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const child = yield* ChildProcess.make(program, args, { cwd, extendEnv: true, env: { NO_COLOR: "1" } })
      const [stdout, stderr, exitCode] = yield* Effect.all([text(child.stdout), text(child.stderr), child.exitCode], {
        concurrency: "unbounded"
      })
      return { exitCode, stdout, written: `${stdout}\n${stderr}` } satisfies Ended
    })
  )
