/** A project outside the workspace, with every package installed by npm from its tarball. */
import { Context, Data, Effect, FileSystem, Layer, Schema } from "effect"
import * as Command from "./Command.ts"
import { Tarballs } from "./Tarballs.ts"

class NotInstalled extends Data.TaggedError("NotInstalled")<{ readonly message: string }> {}

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** The version that this workspace is tested with. */
const versionOf = (root: string, name: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const text = yield* fs.readFileString(`${root}/node_modules/${name}/package.json`)
    return (yield* Schema.decodeEffect(Manifest)(text)).version
  })

const manifest = Effect.gen(function* () {
  const { root, all } = yield* Tarballs
  return {
    name: "consumer",
    version: "1.0.0",
    private: true,
    type: "module",
    dependencies: {
      ...Object.fromEntries(all.map(({ name, file }) => [name, `file:${file}`])),
      effect: yield* versionOf(root, "effect")
    },
    devDependencies: {
      "@types/node": yield* versionOf(root, "@types/node"),
      typescript: yield* versionOf(root, "typescript")
    },
    // What the packages ask of one another is these tarballs too, never a name in the registry.
    overrides: Object.fromEntries(all.map(({ name }) => [name, `$${name}`]))
  }
})

const tsconfig = {
  compilerOptions: {
    target: "ES2024",
    // Effect's own declarations speak of the web's crypto.
    lib: ["ES2024", "DOM", "DOM.Iterable"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types: ["node"],
    rootDir: "src",
    outDir: "out"
  },
  include: ["src"]
}

export class Project extends Context.Service<
  Project,
  /** None where the registry is out of reach; where `CI` is set that is a failure. */
  { readonly folder: string | undefined }
>()("release/test/Project") {
  static readonly layer = Layer.effect(
    Project,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "portico-consumer-" })
      yield* fs.makeDirectory(`${folder}/src`)
      yield* fs.copyFile(`${import.meta.dirname}/consumer/Preview.ts`, `${folder}/src/Preview.ts`)
      yield* fs.writeFileString(`${folder}/tsconfig.json`, JSON.stringify(tsconfig))
      yield* fs.writeFileString(`${folder}/package.json`, JSON.stringify(yield* manifest))
      const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
      const installed = yield* Command.run(folder, "npm", "install", "--prefer-offline", ...quiet)
      if (installed.exitCode === 0) return { folder }
      // An unreachable registry makes npm speak of conflicts: ask it for something plain before believing them.
      const asked = yield* Command.run(folder, "npm", "view", "effect", "version", "--prefer-online", ...quiet)
      if (asked.exitCode !== 0 && process.env["CI"] === undefined) return { folder: undefined }
      return yield* new NotInstalled({ message: installed.written })
    })
  )
}
