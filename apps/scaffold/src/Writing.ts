/**
 * Puts a new module with its test into a package, formatted as the workspace formats, and a line into the package's README.
 * Nothing that is there is overwritten: where one of the two files is, neither is written.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { type FormatOptions, format } from "oxfmt"
import * as DocsList from "./DocsList.ts"
import { Refused } from "./Refused.ts"
import type { Package } from "./Workspace.ts"

export interface Module {
  readonly noun: string
  readonly source: string
  readonly test: string
  /** Where in the README it is listed, and how. */
  readonly docs: { readonly heading: string; readonly line: string }
}

/** Writes it, and says which files that were, from the workspace's root. */
export const write = Effect.fnUntraced(function* (root: string, home: Package, module: Module) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const source = path.join(home.folder, "src", `${module.noun}.ts`)
  const test = path.join(home.folder, "test", `${module.noun}.test.ts`)
  const readme = path.join(home.folder, "README.md")
  const named = (file: string) => path.relative(root, file)

  for (const file of [source, test]) {
    if (yield* fs.exists(file)) return yield* new Refused({ why: `there is ${named(file)} already` })
  }
  const style = yield* Schema.decodeEffect(Style)(yield* fs.readFileString(path.join(root, ".oxfmtrc.json")))
  const formatted = yield* Effect.all([
    formattedAs(source, module.source, style),
    formattedAs(test, module.test, style)
  ])
  const page = (yield* fs.exists(readme)) ? yield* fs.readFileString(readme) : `# @portico/${home.name}\n`

  yield* fs.makeDirectory(path.dirname(test), { recursive: true })
  yield* fs.writeFileString(source, formatted[0], { flag: "wx" })
  yield* fs.writeFileString(test, formatted[1], { flag: "wx" })
  yield* fs.writeFileString(readme, DocsList.add(page, module.docs.heading, module.docs.line))
  return [source, test, readme].map(named)
})

/** The part of the workspace's format that bears on TypeScript. */
const Style = Schema.fromJsonString(
  Schema.Struct({
    printWidth: Schema.optionalKey(Schema.Int),
    semi: Schema.optionalKey(Schema.Boolean),
    trailingComma: Schema.optionalKey(Schema.Literals(["all", "es5", "none"]))
  })
)

const formattedAs = (file: string, text: string, style: FormatOptions) =>
  Effect.promise(() => format(file, text, style)).pipe(
    Effect.flatMap(({ code, errors: [error] }) =>
      error === undefined
        ? Effect.succeed(code)
        : new Refused({ why: `what would be written to ${file} is no TypeScript: ${error.message}` })
    )
  )
