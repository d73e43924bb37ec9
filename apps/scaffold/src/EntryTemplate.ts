/** The files of a new entry: a composition of upstreams that there are, the first required and the others optional, and its test. */
import { Result } from "effect"
import * as Imports from "./Imports.ts"
import type { Name } from "./Name.ts"
import type { Field, Upstream } from "./Source.ts"

export interface Options {
  readonly name: Name
  readonly required: Part
  readonly optional: ReadonlyArray<Part>
}

/** An upstream of which everything is known that the files need. */
export interface Part {
  readonly upstream: Upstream
  readonly input: ReadonlyArray<Field>
  readonly output: string
}

/** The part that an upstream can be, or why it cannot. */
export const part = (upstream: Upstream): Result.Result<Part, string> => {
  const { noun, input, output } = upstream
  if (input === undefined) return Result.fail(`the input in ${noun}.ts is no Schema.Struct of named schemas`)
  if (output === undefined) return Result.fail(`the output in ${noun}.ts is no schema that it exports`)
  return Result.succeed({ upstream, input, output })
}

/** What the entry is asked by: each field of its parts' inputs once; or which field the parts understand differently. */
export const inputOf = (parts: ReadonlyArray<Part>): Result.Result<ReadonlyArray<Field>, string> => {
  const fields = new Map<string, Field>()
  for (const field of parts.flatMap(({ input }) => input)) {
    const known = fields.get(field.name) ?? field
    if (known.schema !== field.schema || known.noun !== field.noun) {
      return Result.fail(`${field.name} is ${known.schema} to one part and ${field.schema} to another`)
    }
    fields.set(field.name, known)
  }
  return Result.succeed([...fields.values()])
}

/** What the module exports. */
export const exports = ({ name }: Options): ReadonlyArray<string> => [name.pascal, `${name.pascal}Input`, name.camel]

export const docs = ({ name, required, optional }: Options): string =>
  `- [${name.pascal}](src/${name.pascal}.ts): ${[
    `${required.upstream.name} (required)`,
    ...optional.map(({ upstream }) => upstream.name)
  ].join(", ")}`

export const source = (options: Options, input: ReadonlyArray<Field>): string => {
  const { name, required, optional } = options
  const imports = Imports.render([
    { from: "@portico/fanout/FanOut", name: "FanOut", whole: true },
    { from: "@portico/fanout/Part", name: "Part", whole: true },
    { from: "effect", name: "Effect", type: true },
    ...all(options).map(({ upstream }) => ({ from: `./${upstream.noun}.ts`, name: upstream.className })),
    ...schemas(input, ".", true)
  ])
  return `/** The ${name.words}: nothing without ${required.upstream.name}${optional.length === 0 ? "" : ", and well without the rest"}. */
${imports}

/** What it is asked by. */
export interface ${name.pascal}Input {
${input.map((field) => `  readonly ${field.name}: ${typeOf(field)}`).join("\n")}
}

/** All parts at once. What can go wrong with the required one is in the error's type; an optional one says how it ended. */
export const ${name.camel} = ({ ${names(input)} }: ${name.pascal}Input) =>
  FanOut.degrade({
    ${[
      `${required.upstream.name}: Part.required(${called(required, "fetch")})`,
      ...optional.map(
        (part) =>
          `${part.upstream.name}: Part.optional(${called(part, "fetch")}, { stale: ${called(part, "lastGood")} })`
      )
    ].join(",\n    ")}
  })

/** What it comes to: the required part's data, and the others' outcomes. */
export type ${name.pascal} = Effect.Success<ReturnType<typeof ${name.camel}>>
`
}

export const test = (options: Options, input: ReadonlyArray<Field>): string => {
  const { name, required, optional } = options
  const imports = Imports.render([
    { from: "@effect/vitest", name: "assert" },
    { from: "@effect/vitest", name: "describe" },
    { from: "@effect/vitest", name: "it" },
    ...(optional.length === 0 ? [] : [{ from: "@portico/fanout/Part", name: "Part", whole: true }]),
    { from: "@portico/testing/Fake", name: "Fake", whole: true },
    { from: "@portico/upstream/UpstreamError", name: "Status" },
    { from: "@portico/upstream/UpstreamError", name: "UpstreamError" },
    { from: "effect", name: "Effect" },
    { from: "effect", name: "Exit" },
    { from: "effect", name: "Schema" },
    { from: `../src/${name.pascal}.ts`, name: name.camel },
    ...all(options).flatMap(({ upstream, output }) => [
      { from: `../src/${upstream.noun}.ts`, name: upstream.className },
      { from: `../src/${upstream.noun}.ts`, name: output }
    ]),
    ...schemas(input, "../src", false)
  ])
  const fakes = (parts: ReadonlyArray<string>) => `[\n        ${parts.join(",\n        ")}\n      ]`
  const failing = ({ upstream }: Part) => `Fake.failing(${upstream.className}, down)`
  return `${imports}

const input = Schema.Struct({ ${input.map(({ name, schema }) => `${name}: ${schema}`).join(", ")} })
const answers = Schema.Struct({ ${all(options)
    .map(({ upstream, output }) => `${upstream.name}: ${output}`)
    .join(", ")} })

const down = new Status({ status: 503 })

describe("the ${name.words}", () => {
  it.effect.prop("asks each upstream for its part, and has them all", { input, answers }, ({ input, answers }) =>
    Effect.gen(function* () {
      const { ${names(all(options).flatMap((part) => part.input))} } = input
      const entry = yield* Effect.provide(${name.camel}(input), ${fakes(all(options).map(answering))})
      assert.deepStrictEqual(entry, {
        ${[
          `${required.upstream.name}: answers.${required.upstream.name}`,
          ...optional.map(({ upstream }) => `${upstream.name}: Part.ok(answers.${upstream.name})`)
        ].join(",\n        ")}
      })
    })
  )
${optional.length === 0 ? "" : withoutOptional(options, fakes([answering(required), ...optional.map(failing)]))}
  it.effect.prop("fails without ${required.upstream.name}${optional.length === 0 ? "" : ", and waits for no other"}", { input }, ({ input }) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.provide(${name.camel}(input), ${fakes([
        failing(required),
        ...optional.map(({ upstream }) => `Fake.hanging(${upstream.className})`)
      ])}))
      assert.deepStrictEqual(exit, Exit.fail(new UpstreamError({ upstream: "${required.upstream.name}", reason: down })))
    })
  )
})
`
}

const withoutOptional = ({ name, required, optional }: Options, fakes: string): string => `
  it.effect.prop("stands without the optional parts, and says so", { input, answers }, ({ input, answers }) =>
    Effect.gen(function* () {
      const { ${names(required.input)} } = input
      const entry = yield* Effect.provide(${name.camel}(input), ${fakes})
      assert.deepStrictEqual(entry, {
        ${[
          `${required.upstream.name}: answers.${required.upstream.name}`,
          ...optional.map(
            ({ upstream: { name } }) =>
              `${name}: { status: "failed", error: new UpstreamError({ upstream: "${name}", reason: down }) }`
          )
        ].join(",\n        ")}
      })
    })
  )
`

const all = ({ required, optional }: Options): ReadonlyArray<Part> => [required, ...optional]

const names = (fields: ReadonlyArray<Field>): string => [...new Set(fields.map(({ name }) => name))].join(", ")

const called = ({ upstream, input }: Part, method: "fetch" | "lastGood"): string =>
  `${upstream.className}.${method}({ ${names(input)} })`

/** A fake that answers the one input, and 404 to any other. */
const answering = ({ upstream, input }: Part): string =>
  `Fake.table(${upstream.className}, [[{ ${names(input)} }, answers.${upstream.name}]])`

/** A schema of the package has a type of its name. */
const typeOf = ({ schema, noun }: Field): string => (noun === undefined ? `typeof ${schema}.Type` : schema)

/** Where the schemas of the input are from; or the types of their names. */
const schemas = (input: ReadonlyArray<Field>, src: string, type: boolean): ReadonlyArray<Imports.Import> =>
  input.map(({ schema, noun }) =>
    noun === undefined ? { from: "effect", name: "Schema" } : { from: `${src}/${noun}.ts`, name: schema, type }
  )
