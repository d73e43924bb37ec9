/** A page of the documentation, as a program: its ts blocks one after the other are one module, its sh blocks are commands. */
import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const root = fileURLToPath(new URL("../../../", import.meta.url))

export interface Page {
  /** Its path in the repository. */
  readonly path: string
  readonly text: string
  /** The ts blocks on the lines on which they stand in the page, so that an error in the one is found in the other. */
  readonly module: string
  /** Whether the module is a file of tests. */
  readonly isTest: boolean
  /** The module's file name. */
  readonly file: string
  readonly commands: ReadonlyArray<string>
}

const open = (path: string): Page => {
  const text = readFileSync(`${root}${path}`, "utf8")
  const module = only(text, "ts")
  const isTest = module.includes(`from "@effect/vitest"`)
  const name = path.replace(/\.md$/, "").replaceAll("/", ".")
  const commands = only(text, "sh")
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.replace(/ #.*/, "").trim())
    .filter((line) => line !== "")
  return { path, text, module, isTest, file: `${name}${isTest ? ".test" : ""}.ts`, commands }
}

/** The text with everything blanked out that is not in a block of the language. */
const only = (text: string, language: string): string => {
  let within = false
  const lines = text.split("\n").map((line) => {
    if (line.startsWith("```")) {
      within = line === `\`\`\`${language}`
      return ""
    }
    return within ? line : ""
  })
  return lines.join("\n")
}

/** What the reader meets first, and the guides. */
export const all: ReadonlyArray<Page> = [
  "README.md",
  ...globSync(["packages/*/README.md", "packages/*/docs/*.md"], { cwd: root })
]
  .toSorted()
  .map(open)

/** What a program says that it prints: every `// => text`, in order. */
export const promised = (code: string): ReadonlyArray<string> =>
  [...code.matchAll(/\/\/ => (.*)/g)].map(([, text = ""]) => text.trim())
