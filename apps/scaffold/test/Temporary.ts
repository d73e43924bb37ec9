/**
 * A copy of the workspace in a folder of its own, for commands that write into it: all settings, this app, the room, and the
 * sources of what the room and its tests are made with.
 */
import { execFile } from "node:child_process"
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

const origin = fileURLToPath(new URL("../../..", import.meta.url))

// Halves the time to start.
const NODE_COMPILE_CACHE = join(origin, "node_modules/.cache/portico")

const settings = [
  "package.json",
  "pnpm-workspace.yaml",
  "tsconfig.json",
  "tsconfig.base.json",
  "knip.json",
  "vitest.config.ts",
  ".oxlintrc.json",
  ".oxfmtrc.json"
]

const copied = [
  ...globSync("packages/{call,upstream,fanout,testing,room}/{package.json,README.md,src,node_modules}", {
    cwd: origin
  }),
  ...globSync("packages/room/{test,examples}", { cwd: origin }),
  ...globSync("apps/scaffold/{package.json,src,node_modules}", { cwd: origin })
]

/** The copy's root; it goes with the scope. */
export const workspace = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "portico-scaffold-"))
    for (const path of [...settings, ...copied]) {
      // The links of a package to its neighbours are relative: in the copy they lead to the copies.
      cpSync(join(origin, path), join(root, path), { recursive: true, verbatimSymlinks: true })
    }
    symlinkSync(join(origin, "node_modules"), join(root, "node_modules"))
    return root
  }),
  (root) => Effect.sync(() => rmSync(root, { recursive: true, force: true }))
)

/** What is written in a package: every file's text by its path. */
export const filesOf = (root: string, name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    globSync(["README.md", "src/*.ts", "test/*.ts"], { cwd: join(root, "packages", name) })
      .toSorted()
      .map((path) => [path, readFileSync(join(root, "packages", name, path), "utf8")])
  )

/** A program in the workspace, to its end, without a terminal. */
export const run = (root: string, program: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly output: string }>((resume) => {
    const env = { PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"]}`, NO_COLOR: "1", NODE_COMPILE_CACHE }
    const child = execFile(program, args, { cwd: root, env }, (error, stdout, stderr) =>
      resume(Effect.succeed({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })
