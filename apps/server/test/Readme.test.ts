/**
 * The README's commands, run in their order as a reader would, against what its own start command starts. On the README's own
 * port, and with installing where need be: so only in CI, or where CI=true says that it may.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"

const root = new URL("../../../", import.meta.url).pathname

const Manifest = Schema.fromJsonString(Schema.Struct({ scripts: Schema.Record(Schema.String, Schema.String) }))

/** The commands of all ```sh blocks, each on one line. */
const commandsOf = (markdown: string): ReadonlyArray<string> =>
  [...markdown.matchAll(/^```sh\n(.*?)^```/gms)]
    .flatMap(([, block = ""]) => block.replaceAll(/\\\n\s*/g, " ").split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))

interface Ran {
  readonly code: number | null
  readonly output: string
}

/** Variables of ours that are set here would not be set for a reader. */
const readersEnvironment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("PORTICO_") && !name.startsWith("npm_"))
)

/** Runs one line in a process group of its own, `under` another command. */
const shell = (line: string, under: ReadonlyArray<string> = ["env"]) => {
  const [command = "env", ...options] = under
  const child = spawn(command, [...options, "bash", "-c", line], { cwd: root, env: readersEnvironment, detached: true })
  const written = { output: "" }
  child.stdout.on("data", (chunk) => (written.output += chunk))
  child.stderr.on("data", (chunk) => (written.output += chunk))
  const ended = new Promise<Ran>((resolve) => child.once("close", (code) => resolve({ code, output: written.output })))
  const listening = new Promise<void>((resolve) => {
    child.stdout.on("data", () => {
      if (/^portico: listening on /m.test(written.output)) resolve()
    })
  })
  // As Ctrl-C does: the whole group, not the shell alone.
  const end = () => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, "SIGINT")
    return ended
  }
  return { written, ended, listening, end }
}

const isStart = (command: string) => /\bpnpm start\b/.test(command)

/** The name of the root script that a command runs. */
const scriptOf = (command: string) => /\bpnpm (?:run )?([a-z][\w:-]*)/.exec(command)?.[1]

describe("the README's commands", () => {
  it("are found: the start, and requests to what it starts", () => {
    const commands = commandsOf(readFileSync(`${root}README.md`, "utf8"))
    assert.isTrue(commands.some(isStart))
    assert.isTrue(commands.some((command) => command.startsWith("curl ")))
  })

  it.live("name scripts that there are", () =>
    Effect.gen(function* () {
      const { scripts } = yield* Schema.decodeEffect(Manifest)(readFileSync(`${root}package.json`, "utf8"))
      for (const command of commandsOf(readFileSync(`${root}README.md`, "utf8"))) {
        const script = scriptOf(command)
        if (script !== undefined && script !== "install") assert.property(scripts, script, command)
      }
    })
  )

  const inCi = process.env["CI"] === "true" ? it.live : it.live.skip
  inCi(
    "run in their order, and each succeeds",
    () =>
      Effect.gen(function* () {
        let service: ReturnType<typeof shell> | undefined
        yield* Effect.addFinalizer(() => Effect.promise(async () => service?.end()))
        for (const command of commandsOf(readFileSync(`${root}README.md`, "utf8"))) {
          if (isStart(command)) {
            yield* Effect.promise(async () => service?.end())
            const started = shell(command.replace(/\s*&$/, ""))
            service = started
            const ended = yield* Effect.promise(() => Promise.race([started.listening, started.ended]))
            assert.isUndefined(ended, `${command}: ${ended?.output}`)
          } else if (command.startsWith("curl ")) {
            const statistics = /^portico: embedded upstream statistics .*:(\d+)$/m.exec(service?.written.output ?? "")
            const line = command.includes("/admin/fault")
              ? command.replace(/\bPORT\b/, statistics?.[1] ?? "PORT")
              : command
            const { code, output } = yield* Effect.promise(() => shell(line, ["timeout", "20"]).ended)
            assert.strictEqual(code, 0, `${line}: ${output}`)
            assert.notMatch(output, /"status":4\d\d/, `${line}: ${output}`)
          }
        }
      }),
    240_000
  )
})
