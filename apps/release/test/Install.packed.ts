import { NodeServices } from "@effect/platform-node"
import { assert, layer, type TestContext } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Command from "./Command.ts"
import { Project } from "./Project.ts"
import { Tarballs } from "./Tarballs.ts"

const services = Project.layer.pipe(Layer.provideMerge(Tarballs.layer), Layer.provideMerge(NodeServices.layer))

/** The project's folder; a test that cannot have one is reported as skipped, with the reason. */
const folderOr = (test: TestContext) =>
  Effect.gen(function* () {
    const { folder } = yield* Project
    return folder ?? test.skip("the registry is out of reach")
  })

layer(services, { timeout: "5 minutes" })("installed outside the workspace", (it) => {
  it.effect("a program on the packages typechecks, libraries included, and runs as plain JavaScript", (test) =>
    Effect.gen(function* () {
      const folder = yield* folderOr(test)
      const compiled = yield* Command.run(folder, `${folder}/node_modules/.bin/tsc`, "-p", ".")
      assert.strictEqual(compiled.exitCode, 0, compiled.written)
      const ran = yield* Command.run(folder, "node", "--no-strip-types", "out/Preview.js")
      assert.strictEqual(ran.exitCode, 0, ran.written)
      assert.deepStrictEqual(JSON.parse(ran.stdout), {
        title: "Show 7",
        seats: "failed",
        waiting: "fallback",
        free: 0,
        missing: "NoSuchShow"
      })
    })
  )

  it.effect("every module loads as plain JavaScript", (test) =>
    Effect.gen(function* () {
      const folder = yield* folderOr(test)
      const { all } = yield* Tarballs
      const modules = all.flatMap(({ name, modules }) => modules.map((module) => `${name}/${module}`))
      const load = `for (const name of ${JSON.stringify(modules)}) await import(name); console.log("loaded")`
      const ran = yield* Command.run(folder, "node", "--no-strip-types", "--input-type=module", "--eval", load)
      assert.strictEqual(ran.exitCode, 0, ran.written)
      assert.strictEqual(ran.stdout.trim(), "loaded")
    })
  )

  it.effect("what is internal stays closed", (test) =>
    Effect.gen(function* () {
      const folder = yield* folderOr(test)
      const { all } = yield* Tarballs
      const knock = `const codes = []
        for (const name of ${JSON.stringify(all.map(({ name }) => name))})
          await import(name + "/internal/anything").catch((error) => codes.push(error.code))
        console.log(JSON.stringify(codes))`
      const ran = yield* Command.run(folder, "node", "--input-type=module", "--eval", knock)
      assert.strictEqual(ran.exitCode, 0, ran.written)
      assert.deepStrictEqual(
        JSON.parse(ran.stdout),
        all.map(() => "ERR_PACKAGE_PATH_NOT_EXPORTED")
      )
    })
  )
})
