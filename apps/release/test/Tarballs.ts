/** The packages as their users get them: built by `pnpm build`, packed by pnpm, in a folder that goes with the tests. */
import { Context, Data, Effect, FileSystem, Layer, Path } from "effect"
import * as Command from "./Command.ts"

export interface Tarball {
  /** `@portico/call`. */
  readonly name: string
  readonly file: string
  /** What may be imported: `Deadline` of `@portico/call/Deadline`. */
  readonly modules: ReadonlyArray<string>
}

class NotPacked extends Data.TaggedError("NotPacked")<{ readonly message: string }> {}

export class Tarballs extends Context.Service<
  Tarballs,
  { readonly root: string; readonly all: ReadonlyArray<Tarball> }
>()("release/test/Tarballs") {
  static readonly layer = Layer.effect(
    Tarballs,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const root = path.resolve(import.meta.dirname, "../../..")
      const to = yield* fs.makeTempDirectoryScoped({ prefix: "portico-tarballs-" })

      const pack = (folder: string) =>
        Effect.gen(function* () {
          const at = path.join(root, "packages", folder)
          const packed = yield* Command.run(at, "pnpm", "pack", "--pack-destination", to)
          const file = (yield* fs.readDirectory(to)).find((name) => name.startsWith(`portico-${folder}-`))
          if (packed.exitCode !== 0 || file === undefined) return yield* new NotPacked({ message: packed.written })
          // The sources say what is public, so that a module missing from `dist` is noticed.
          const sources = (yield* fs.readDirectory(path.join(at, "src"))).filter((name) => name.endsWith(".ts"))
          const modules = sources.map((name) => path.basename(name, ".ts"))
          return { name: `@portico/${folder}`, file: path.join(to, file), modules } satisfies Tarball
        })

      const folders = yield* fs.readDirectory(path.join(root, "packages"))
      return { root, all: yield* Effect.forEach(folders.toSorted(), pack, { concurrency: 1 }) }
    })
  )
}
