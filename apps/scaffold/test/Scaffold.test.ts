import { writeFileSync } from "node:fs"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { type Cause, Effect, Layer, Option, Queue, Terminal } from "effect"
import { Command, TerminalCapabilities } from "effect/cli"
import * as Commands from "../src/Commands.ts"
import * as Temporary from "./Temporary.ts"

const script = "apps/scaffold/src/main.ts"

/** The command within this process, on the workspace at `root`. */
const command = (root: string, ...args: ReadonlyArray<string>) =>
  Command.runWith(Commands.make(root), { version: "0" })(args)

const upstream = (name: string, home = "room", ...more: ReadonlyArray<string>) =>
  ["upstream", "--name", name, "--package", home, ...more] as const

const entry = (name: string, parts: string) => ["entry", "--name", name, "--package", "room", "--parts", parts] as const

const withoutTerminal = Layer.succeed(TerminalCapabilities.TerminalCapabilities, {
  canColor: false,
  canAnimate: false,
  canPrompt: false
})

const keyNames: Readonly<Record<string, string>> = { "\n": "return", "\b": "backspace" }

/** A terminal at which somebody types this and leaves; `\n` is the return key, `\b` backspace. */
const terminal = (typed: string) =>
  Layer.merge(
    Layer.succeed(TerminalCapabilities.TerminalCapabilities, { canColor: false, canAnimate: false, canPrompt: true }),
    Layer.effect(
      Terminal.Terminal,
      Effect.gen(function* () {
        const inputs = Array.from(typed, (key) => ({
          input: Option.some(key),
          key: { name: keyNames[key] ?? key, ctrl: false, meta: false, shift: false }
        }))
        const keys = yield* Queue.unbounded<Terminal.UserInput, Cause.Done>()
        yield* Queue.offerAll(keys, inputs)
        yield* Queue.end(keys)
        return Terminal.make({
          columns: Effect.succeed(80),
          rows: Effect.succeed(24),
          size: Queue.unbounded<Terminal.Size>(),
          readInput: Effect.succeed(keys),
          readLine: Effect.fail(new Terminal.QuitError({})),
          display: () => Effect.void
        })
      })
    )
  )

/** The checks of `pnpm check`, of what is written. */
const checks = [
  ["tsc", "-p", "."],
  ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--format", "text", "--strict"],
  ["oxlint", "--deny-warnings", "packages/room"],
  ["oxfmt", "--check", "packages/room"],
  // The copy leaves out the tests of other packages, and with them what only those use.
  ["knip", "--exclude", "devDependencies"]
] as const

describe("what the commands write", () => {
  it.effect(
    "passes every check of the workspace, and its own tests",
    () =>
      Effect.gen(function* () {
        const root = yield* Temporary.workspace
        const written = yield* Temporary.run(root, "node", script, ...upstream("gifts"))
        assert.deepStrictEqual(
          [written.code, written.output.split("\n")[0]],
          [0, "Written: packages/room/src/Gifts.ts, packages/room/test/Gifts.test.ts, packages/room/README.md"]
        )
        yield* command(root, ...upstream("WordsOfAnExtraordinaryLongNameHS", "room", "--by", "user"))
        yield* command(root, ...entry("ProductPage", "live,statistics"))
        yield* command(root, ...entry("everything", "gifts,version,live,user,equity"))
        yield* command(root, ...entry("alone", "wordsOfAnExtraordinaryLongNameHS"))

        for (const [program, ...args] of checks) {
          const { code, output } = yield* Temporary.run(root, program, ...args)
          assert.strictEqual(code, 0, `${program}: ${output}`)
        }
        const names = ["Gifts", "WordsOf", "ProductPage", "Everything", "Alone"]
        const { code, output } = yield* Temporary.run(root, "vitest", "run", "--no-isolate", ...names)
        assert.strictEqual(code, 0, output)
        assert.match(output, /Test Files\s+5 passed[^]*Tests\s+20 passed/)

        const files = Temporary.filesOf(root, "room")
        assert.include(files["src/Gifts.ts"], "request: ({ roomId }) => Path.get`/rooms/${roomId}/gifts`")
        assert.include(files["src/ProductPage.ts"], "live: Part.required(Live.fetch({ roomId }))")
        assert.include(files["src/ProductPage.ts"], "statistics: Part.optional(Statistics.fetch({ roomId }), {")
        const docs = files["README.md"] ?? ""
        assert.include(
          docs,
          `
## Upstreams

- [Gifts](src/Gifts.ts): the gifts of a room, \`GET /rooms/{roomId}/gifts\`
- [WordsOfAnExtraordinaryLongNameHS](src/WordsOfAnExtraordinaryLongNameHS.ts): `
        )
        assert.include(docs, "\n## Entries\n\n- [ProductPage](src/ProductPage.ts): live (required), statistics\n")
      }).pipe(Effect.provide(NodeServices.layer)),
    // Seven programs, on a machine that others use: never what the test waits for.
    180_000
  )
})

describe("a flag that is left out", () => {
  it.effect("is an error without a terminal", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      const before = Temporary.filesOf(root, "room")
      for (const [missing, ...args] of [
        ["name", "upstream", "--package", "room"],
        ["package", "upstream", "--name", "gifts"],
        ["parts", "entry", "--name", "page", "--package", "room"]
      ] as const) {
        const error = yield* Effect.flip(command(root, ...args))
        const reasons = error._tag === "ShowHelp" ? error.errors.map(({ message }) => message) : error
        assert.deepStrictEqual(reasons, [`Missing required flag: --${missing}`])
      }
      const { code, output } = yield* Temporary.run(root, "node", script, "upstream", "--name", "gifts")
      assert.strictEqual(code, 1)
      assert.include(output, "Missing required flag: --package")
      assert.deepStrictEqual(Temporary.filesOf(root, "room"), before)
    }).pipe(Effect.provide([NodeServices.layer, withoutTerminal]))
  )

  it.effect("is asked for in a terminal", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      // The name, at the second attempt, and the first package of the choice.
      yield* Effect.provide(command(root, "upstream"), terminal("9\n\bgifts\n\n"))
      yield* Effect.provide(command(root, "entry", "--package", "room"), terminal("page\ngifts,live\n"))
      const files = Temporary.filesOf(root, "room")
      assert.include(files["src/Gifts.ts"], "class Gifts extends")
      assert.include(files["src/Page.ts"], "gifts: Part.required(Gifts.fetch({ roomId }))")
    }).pipe(Effect.provide(NodeServices.layer))
  )
})

describe("a command that cannot be followed", () => {
  it.effect("is refused with a sentence, and nothing is written", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      const before = Temporary.filesOf(root, "room")
      const refusals: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: string]> = [
        [upstream("../gifts"), `"../gifts" is no name: 2 to 32 letters, such as giftBoxes`],
        [upstream("gift2"), `"gift2" is no name: 2 to 32 letters, such as giftBoxes`],
        [upstream("effect"), `"effect" is reserved: choose another name`],
        [upstream("Statistics"), "there is packages/room/src/Statistics.ts already"],
        [upstream("STATISTICS"), "there is packages/room/src/Statistics.ts already"],
        [upstream("notFound"), "packages/room/src/RoomId.ts exports RoomNotFound already: choose another name"],
        [upstream("gifts", "rooms"), "there is no packages/rooms: choose of room"],
        [
          upstream("gifts", "call"),
          "packages/call cannot take it: it lacks @portico/upstream among its dependencies; " +
            "@portico/fanout among its dependencies; @portico/testing among its dependencies; src/Endpoint.ts, with its policies"
        ],
        [upstream("gifts", "room", "--by", "gift"), `packages/room has no id "gift": choose of room, user`],
        [entry("delete", "live"), `"delete" is reserved: choose another name`],
        [entry("enter", "live"), "packages/room/src/RoomEntry.ts exports enter already: choose another name"],
        [
          entry("page", "live,gifts"),
          `packages/room has no upstream "gifts": choose of equity, live, statistics, user, version`
        ],
        [entry("page", "live,live"), `"live" is there twice`]
      ]
      for (const [args, why] of refusals) {
        const error = yield* Effect.flip(command(root, ...args))
        assert.deepInclude(error, { _tag: "Refused", why })
      }
      assert.deepStrictEqual(Temporary.filesOf(root, "room"), before)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("two packages have no upstream of one name", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      writeFileSync(
        `${root}/packages/call/src/Presents.ts`,
        `export class Presents extends Upstream.Service<Presents>()("gifts", {\n})`
      )
      const error = yield* Effect.flip(command(root, ...upstream("gifts")))
      assert.deepInclude(error, { why: `packages/call has an upstream "gifts" already` })
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.effect("a file that is there is left as it is", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      yield* command(root, ...upstream("gifts"))
      writeFileSync(`${root}/packages/room/test/Page.test.ts`, "// somebody's own")
      const before = Temporary.filesOf(root, "room")
      const again = yield* Effect.flip(command(root, ...upstream("gifts")))
      assert.deepInclude(again, { why: "there is packages/room/src/Gifts.ts already" })
      const tested = yield* Effect.flip(command(root, ...entry("page", "live")))
      assert.deepInclude(tested, { why: "there is packages/room/test/Page.test.ts already" })
      assert.deepStrictEqual(Temporary.filesOf(root, "room"), before)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
