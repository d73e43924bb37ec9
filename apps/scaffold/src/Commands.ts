/**
 * `new upstream` and `new entry`: what they ask for, and what they write. A flag that is left out is asked for in a terminal;
 * where there is none, it is an error.
 */
import { Console, Effect, Option, type Result } from "effect"
import { CliError, Command, Flag, Prompt } from "effect/cli"
import * as EntryTemplate from "./EntryTemplate.ts"
import * as Name from "./Name.ts"
import { Refused } from "./Refused.ts"
import * as UpstreamTemplate from "./UpstreamTemplate.ts"
import * as Workspace from "./Workspace.ts"
import * as Writing from "./Writing.ts"

/** The command, for the workspace at `root`. */
export const make = (root: string) =>
  Command.make("new").pipe(
    Command.withDescription("Writes a new upstream or entry, with a test that passes and a line in the docs"),
    Command.withSubcommands([upstream(root), entry(root)])
  )

const upstream = (root: string) =>
  Command.make(
    "upstream",
    {
      name: nameFlag("What the upstream is called, such as gifts"),
      package: packageFlag(root),
      by: Flag.String("by").pipe(
        Flag.withDescription("The id that it is asked by, such as user; the package's first unless said"),
        Flag.optional
      )
    },
    Effect.fnUntraced(function* ({ name: text, package: packageName, by }) {
      const name = yield* said(Name.parse(text))
      const all = yield* Workspace.packages(root)
      const home = yield* Workspace.homeOf(all, packageName)
      const options = { name, by: yield* idOf(home, Option.getOrUndefined(by)) }
      yield* Workspace.free(home, name.pascal, UpstreamTemplate.exports(options))
      // Two of one name would be one service.
      const same = all.find((other) => Workspace.upstreams(other).some((known) => known.name === name.camel))
      if (same !== undefined) {
        return yield* new Refused({ why: `packages/${same.name} has an upstream "${name.camel}" already` })
      }
      yield* written(root, home, {
        noun: name.pascal,
        source: UpstreamTemplate.source(options),
        test: UpstreamTemplate.test(options),
        docs: { heading: "Upstreams", line: UpstreamTemplate.docs(options) }
      })
      yield* Console.log(
        `Now say in ${name.pascal}.ts what it answers and how old an answer may be; then give its layer where the others' are.`
      )
    })
  ).pipe(Command.withDescription("A service that is asked: its definition, its layer, its test"))

const entry = (root: string) =>
  Command.make(
    "entry",
    {
      name: nameFlag("What the entry is called, such as ProductPage"),
      package: packageFlag(root),
      parts: Flag.String("parts").pipe(
        Flag.withDescription("The upstreams it is made of, the required one first: live,statistics"),
        Flag.withFallbackPrompt(Prompt.String({ message: "Its upstreams, the required one first (a,b,c)" }))
      )
    },
    Effect.fnUntraced(function* ({ name: text, package: packageName, parts }) {
      const name = yield* said(Name.parse(text))
      const home = yield* Workspace.homeOf(yield* Workspace.packages(root), packageName)
      const [required, ...optional] = yield* partsOf(home, parts)
      const options = { name, required, optional }
      const input = yield* said(EntryTemplate.inputOf([required, ...optional]))
      yield* Workspace.free(home, name.pascal, EntryTemplate.exports(options))
      yield* written(root, home, {
        noun: name.pascal,
        source: EntryTemplate.source(options, input),
        test: EntryTemplate.test(options, input),
        docs: { heading: "Entries", line: EntryTemplate.docs(options) }
      })
      yield* Console.log(
        `Now say in ${name.pascal}.ts which parts have a fallback, and give it a deadline where it is run.`
      )
    })
  ).pipe(Command.withDescription("An answer made of several upstreams: the composition and its test"))

const nameFlag = (description: string) =>
  Flag.String("name").pipe(
    Flag.withDescription(description),
    Flag.withFallbackPrompt(
      Prompt.String({ message: description, validate: (text) => Effect.as(Effect.fromResult(Name.parse(text)), text) })
    )
  )

const packageFlag = (root: string) =>
  Flag.String("package").pipe(
    Flag.withDescription("The package that takes it, such as room"),
    Flag.withFallbackPrompt(
      Workspace.packages(root).pipe(
        Effect.map((all) => Workspace.homes(all).map(({ name }) => ({ title: name, value: name }))),
        Effect.filterOrFail(
          (choices) => choices.length > 0,
          () => new Refused({ why: "no package can take it" })
        ),
        Effect.mapBoth({
          onSuccess: (choices) => Prompt.Select({ message: "The package that takes it", choices }),
          onFailure: (cause) => new CliError.UserError({ cause })
        })
      )
    )
  )

/** The id that an upstream of the package is asked by. */
const idOf = (home: Workspace.Package, by: string | undefined): Effect.Effect<string, Refused> => {
  const ids = Workspace.ids(home)
  const id = by === undefined ? ids[0] : ids.find((id) => id === by)
  if (id !== undefined) return Effect.succeed(id)
  return new Refused({
    why:
      ids.length === 0
        ? `packages/${home.name} has no id to ask by: a src/RoomId.ts that exports RoomId and RoomNotFound is one`
        : `packages/${home.name} has no id "${by}": choose of ${ids.join(", ")}`
  })
}

/** The parts named in a list, in its order. */
const partsOf = Effect.fnUntraced(function* (home: Workspace.Package, list: string) {
  const known = Workspace.upstreams(home)
  const names = list.split(",").map((name) => name.trim())
  const parts: Array<EntryTemplate.Part> = []
  for (const name of names) {
    const upstream = known.find((upstream) => upstream.name === name)
    if (upstream === undefined) {
      const choice = known.map(({ name }) => name).join(", ")
      return yield* new Refused({ why: `packages/${home.name} has no upstream "${name}": choose of ${choice}` })
    }
    if (parts.some((part) => part.upstream === upstream)) return yield* new Refused({ why: `"${name}" is there twice` })
    parts.push(yield* said(EntryTemplate.part(upstream)))
  }
  const [required, ...optional] = parts
  if (required === undefined) return yield* new Refused({ why: "an entry has at least one part" })
  return [required, ...optional] as const
})

const written = (root: string, home: Workspace.Package, module: Writing.Module) =>
  Effect.flatMap(Writing.write(root, home, module), (files) => Console.log(`Written: ${files.join(", ")}`))

const said = <A>(result: Result.Result<A, string>): Effect.Effect<A, Refused> =>
  Effect.mapError(Effect.fromResult(result), (why) => new Refused({ why }))
