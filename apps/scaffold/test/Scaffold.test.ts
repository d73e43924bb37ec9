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

describe("what the commands write", () => {
  it.live(
    "passes every check of the workspace, and its own tests",
    () =>
      Effect.gen(function* () {
        const root = yield* Temporary.workspace
        const write = (...args: ReadonlyArray<string>) =>
          Effect.map(Temporary.run(root, "node", script, ...args), ({ code, output }) => {
            assert.strictEqual(code, 0, output)
            return output.split("\n")[0]
          })

        assert.strictEqual(
          yield* write("upstream", "--name", "gifts", "--package", "room"),
          "Written: packages/room/src/Gifts.ts, packages/room/test/Gifts.test.ts, packages/room/README.md"
        )
        yield* write("upstream", "--name", "WordsOfAnExtraordinaryLongNameHS", "--package", "room", "--by", "user")
        yield* write("entry", "--name", "ProductPage", "--package", "room", "--parts", "live,statistics")
        yield* write("entry", "--name", "everything", "--package", "room", "--parts", "gifts,version,live,user,equity")
        yield* write("entry", "--name", "alone", "--package", "room", "--parts", "wordsOfAnExtraordinaryLongNameHS")

        const checks = [
          ["tsc", "-p", "."],
          ["oxlint", "--deny-warnings"],
          ["oxfmt", "--check"],
          ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--format", "text", "--strict"],
          ["knip"],
          ["vitest", "run", "Gifts", "WordsOf", "ProductPage", "Everything", "Alone"]
        ] as const
        for (const [program, ...args] of checks) {
          const { code, output } = yield* Temporary.run(root, program, ...args)
          assert.strictEqual(code, 0, `${program}: ${output}`)
          if (program === "vitest") assert.match(output, /Test Files\s+5 passed[^]*Tests\s+20 passed/)
        }

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
      }),
    // Every check of the workspace, on a machine that others use: never what a test waits for.
    180_000
  )
})

describe("a flag that is left out", () => {
  it.live("is an error without a terminal", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      const before = Temporary.filesOf(root, "room")
      for (const [missing, ...args] of [
        ["name", "upstream", "--package", "room"],
        ["package", "upstream", "--name", "gifts"],
        ["parts", "entry", "--name", "page", "--package", "room"]
      ] as const) {
        const { code, output } = yield* Temporary.run(root, "node", script, ...args)
        assert.strictEqual(code, 1)
        assert.include(output, `Missing required flag: --${missing}`)
      }
      assert.deepStrictEqual(Temporary.filesOf(root, "room"), before)
    })
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

const upstream = (name: string, home = "room", ...more: ReadonlyArray<string>) =>
  ["upstream", "--name", name, "--package", home, ...more] as const

const entry = (name: string, parts: string) => ["entry", "--name", name, "--package", "room", "--parts", parts] as const

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

  it.effect("a file that is there is left as it is", () =>
    Effect.gen(function* () {
      const root = yield* Temporary.workspace
      yield* command(root, ...upstream("gifts"))
      const before = Temporary.filesOf(root, "room")
      const again = yield* Effect.flip(command(root, ...upstream("gifts")))
      assert.deepInclude(again, { why: "there is packages/room/src/Gifts.ts already" })
      // Batching.test.ts is there, and no Batching.ts.
      const tested = yield* Effect.flip(command(root, ...entry("batching", "live")))
      assert.deepInclude(tested, { why: "there is packages/room/test/Batching.test.ts already" })
      assert.deepStrictEqual(Temporary.filesOf(root, "room"), before)
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
