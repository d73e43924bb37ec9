/**
 * The documentation is true: each page's ts blocks compile under the repository's own options and run, and print what they say
 * that they print (`// => text`); each example does; each command of an sh block is there; each link leads somewhere.
 */
import { execFile } from "node:child_process"
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it, vi } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Page from "./Page.ts"

interface Ran {
  readonly code: number
  readonly output: string
  readonly stdout: string
}

// Each test starts a program, on a machine that others use: never what a test waits for.
vi.setConfig({ testTimeout: 120_000 })

/** Runs a program of the workspace to its end. */
const run = (cwd: string, program: string, ...args: ReadonlyArray<string>) =>
  Effect.callback<Ran>((resume) => {
    const env = { ...process.env, NO_COLOR: "1", PATH: `${Page.root}node_modules/.bin:${process.env["PATH"]}` }
    const child = execFile(program, args, { cwd, env }, (error, stdout, stderr) =>
      resume(
        Effect.succeed({ code: error === null ? 0 : 1, stdout, output: `${stdout}${stderr}${error?.message ?? ""}` })
      )
    )
    return Effect.sync(() => child.kill())
  })

const prints = (ran: Ran, code: string) => {
  assert.strictEqual(ran.code, 0, ran.output)
  assert.deepStrictEqual(
    ran.stdout.split("\n").filter((line) => line !== ""),
    Page.promised(code)
  )
}

/** A reader's project: it has the packages as dependencies, and a file for each page. */
const folder = mkdtempSync(join(tmpdir(), "portico-docs-"))
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(() => {
  const link = (name: string, to: string) => {
    mkdirSync(dirname(`${folder}/node_modules/${name}`), { recursive: true })
    symlinkSync(`${Page.root}${to}`, `${folder}/node_modules/${name}`)
  }
  for (const name of ["effect", "vitest", "@effect/vitest", "@types/node"]) link(name, `node_modules/${name}`)
  for (const path of globSync("packages/*", { cwd: Page.root })) link(path.replace("packages", "@portico"), path)
  for (const { file, module } of Page.all) writeFileSync(`${folder}/${file}`, module)
  writeFileSync(`${folder}/package.json`, JSON.stringify({ type: "module" }))
  writeFileSync(
    `${folder}/tsconfig.json`,
    JSON.stringify({
      extends: `${Page.root}tsconfig.base.json`,
      compilerOptions: { noEmit: true },
      files: Page.all.map(({ file }) => file)
    })
  )
  writeFileSync(`${folder}/vitest.config.ts`, `export default { test: { testTimeout: 30_000 } }`)
})

describe("the ts blocks", () => {
  it.live("of every page compile", () =>
    Effect.gen(function* () {
      const { code, output } = yield* run(folder, "tsc", "-p", ".")
      assert.strictEqual(code, 0, output)
    })
  )

  for (const { path, file, module, isTest } of Page.all) {
    if (module.trim() === "") continue
    if (isTest) {
      it.live(`of ${path} are tests that pass`, () =>
        Effect.gen(function* () {
          const { code, output } = yield* run(folder, "vitest", "run", "--root", folder, file)
          assert.strictEqual(code, 0, output)
        })
      )
    } else {
      it.live(`of ${path} run, and print what they say`, () =>
        Effect.gen(function* () {
          prints(yield* run(folder, "node", file), module)
        })
      )
    }
  }
})

describe("the examples", () => {
  const examples = globSync("packages/*/examples/*.ts", { cwd: Page.root }).toSorted()

  it("are there for every package that is composed with", () => {
    const packages = examples.map((path) => path.split("/")[1])
    for (const name of ["fanout", "upstream", "room"]) assert.include(packages, name)
  })

  for (const path of examples) {
    it.live(`${path} runs, and prints what it says`, () =>
      Effect.gen(function* () {
        prints(yield* run(Page.root, "node", path), readFileSync(`${Page.root}${path}`, "utf8"))
      })
    )
  }

  it("the README shows one of them, line for line", () => {
    const shown = /^```ts\n(.*?)^```/ms.exec(readFileSync(`${Page.root}README.md`, "utf8"))?.[1] ?? ""
    assert.isAbove(shown.split("\n").length, 10)
    assert.include(readFileSync(`${Page.root}packages/room/examples/Card.ts`, "utf8"), shown)
  })
})

const Manifest = Schema.fromJsonString(Schema.Struct({ scripts: Schema.Record(Schema.String, Schema.String) }))

describe("the sh blocks", () => {
  for (const { path, commands } of Page.all) {
    for (const command of commands) {
      it.effect(`of ${path}: \`${command}\` is there to be run`, () =>
        Effect.gen(function* () {
          const { scripts } = yield* Schema.decodeEffect(Manifest)(readFileSync(`${Page.root}package.json`, "utf8"))
          const program = /^npx -y pnpm exec node (\S+\.ts)/.exec(command)?.[1]
          const script = /^npx -y pnpm (?!exec)(?:run )?([a-z][\w:-]*)/.exec(command)?.[1]
          if (script !== undefined) assert.property(scripts, script)
          else if (program !== undefined) assert.isTrue(existsSync(`${Page.root}${program}`), program)
          else assert.match(command, /^curl /)
        })
      )
    }
  }
})

/** The sources whose names an operator meets. */
const operated = globSync(["packages/*/src/**/*.ts", "apps/server/src/*.ts"], { cwd: Page.root })
  .map((path) => readFileSync(`${Page.root}${path}`, "utf8"))
  .join("\n")

describe("the README", () => {
  const readme = readFileSync(`${Page.root}README.md`, "utf8")

  it("names every variable, and none that is not there", () => {
    const name = /\bPORTICO_[A-Z_]*[A-Z]\b/g
    assert.isAbove(new Set(operated.match(name)).size, 10)
    for (const variable of operated.match(name) ?? []) assert.include(readme, variable)
    for (const variable of readme.match(name) ?? []) assert.include(operated, variable)
  })

  it("names every metric, and none that is not there", () => {
    const known = [...operated.matchAll(/"((?:upstream|entry|preview|process|edge|load|room)_[a-z_]+)"/g)]
    assert.isAbove(known.length, 10)
    for (const [, metric = ""] of known) assert.include(readme, metric)
    for (const [, metric = ""] of readme.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)) assert.include(operated, metric)
  })

  it("maps every package and app", () => {
    for (const path of globSync(["packages/*/package.json", "apps/*/package.json"], { cwd: Page.root })) {
      assert.include(readme, `\`${dirname(path)}\``)
    }
  })
})

describe("the links", () => {
  for (const { path, text } of Page.all) {
    it(`of ${path} lead somewhere`, () => {
      for (const [, to = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
        assert.isTrue(existsSync(join(Page.root, dirname(path), to)), to)
      }
    })
  }

  it("reach every guide from the README", () => {
    const readme = readFileSync(`${Page.root}README.md`, "utf8")
    for (const { path } of Page.all) if (path.includes("/docs/")) assert.include(readme, `(${path})`)
  })
})
