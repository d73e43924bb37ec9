import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Layer } from "effect"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import * as Command from "./Command.ts"
import { Tarballs } from "./Tarballs.ts"

layer(Tarballs.layer.pipe(Layer.provideMerge(NodeServices.layer)), { timeout: "1 minute" })(
  "a packed package",
  (it) => {
    it.effect("is one of several, and each has modules", () =>
      Effect.gen(function* () {
        const { all } = yield* Tarballs
        assert.isAbove(all.length, 1)
        for (const { name, modules } of all) assert.isNotEmpty(modules, name)
      })
    )

    it.effect("gives publint nothing to say", () =>
      Effect.gen(function* () {
        const { all } = yield* Tarballs
        const fs = yield* FileSystem.FileSystem
        for (const { name, file } of all) {
          const bytes = yield* fs.readFile(file)
          const tarball = new Uint8Array(bytes).buffer
          const { messages, pkg } = yield* Effect.promise(() => publint({ pack: { tarball }, strict: true }))
          assert.deepStrictEqual(
            messages.map((message) => formatMessage(message, pkg, { color: false })),
            [],
            name
          )
        }
      })
    )

    it.effect("has types for every module, as Node and as a bundler resolves it", () =>
      Effect.gen(function* () {
        const { all, root } = yield* Tarballs
        const attw = `${root}/apps/release/node_modules/.bin/attw`
        for (const { file, modules } of all) {
          const checked = yield* Command.run(
            root,
            attw,
            file,
            "--profile",
            "esm-only",
            "--entrypoints",
            ...modules,
            "package.json"
          )
          assert.strictEqual(checked.exitCode, 0, checked.written)
        }
      })
    )
  }
)
