/**
 * What the tool has to know of a source: what it exports, what it imports, and the upstream that it defines. It reads the
 * shape in which this repository writes them; what is written otherwise is not seen, and said where it is needed.
 */

export interface Source {
  /** The file's name without `.ts`. */
  readonly noun: string
  readonly exports: ReadonlySet<string>
  /** What it takes from its neighbours, and from which: noun by name. */
  readonly imports: ReadonlyMap<string, string>
  readonly upstream: Upstream | undefined
}

export interface Upstream {
  readonly noun: string
  readonly className: string
  /** The name by which it is known at run time. */
  readonly name: string
  /** Undefined where the input is not a struct of named schemas. */
  readonly input: ReadonlyArray<Field> | undefined
  /** The name of its output's schema; undefined where it has none. */
  readonly output: string | undefined
}

/** A field of an input, and its schema: a name of the package (from the module `noun`), or one of Schema's own. */
export interface Field {
  readonly name: string
  readonly schema: string
  readonly noun: string | undefined
}

export const read = (noun: string, text: string): Source => {
  const exports = new Set(matches(text, /^export (?:abstract )?(?:const|class|type|interface|function) (\w+)/gm))
  const imports = new Map(
    [...text.matchAll(/^import (?:type )?\{([^}]*)\} from "\.\/(\w+)\.ts"/gm)].flatMap(([, names = "", from = ""]) =>
      matches(names, /(?:type )?(\w+)(?:,|\s*$)/g).map((name) => [name, from] as const)
    )
  )
  return { noun, exports, imports, upstream: upstreamOf(noun, text, exports, imports) }
}

const upstreamOf = (
  noun: string,
  text: string,
  exports: Source["exports"],
  imports: Source["imports"]
): Upstream | undefined => {
  const head = /^export class (\w+) extends Upstream\.Service<\1>\(\)\(\s*"(\w+)",\s*\{/m.exec(text)
  const [matched = "", className, name] = head ?? []
  if (head === null || className === undefined || name === undefined) return undefined
  const body = text.slice(head.index + matched.length)
  const definition = body.slice(0, body.indexOf("errors:"))
  const output = /^\s+output: (\w+),?$/m.exec(definition)?.[1]
  return {
    noun,
    className,
    name,
    input: inputOf(definition, (schema) => (exports.has(schema) ? noun : imports.get(schema))),
    output: output !== undefined && exports.has(output) ? output : undefined
  }
}

const inputOf = (
  definition: string,
  home: (schema: string) => string | undefined
): ReadonlyArray<Field> | undefined => {
  const struct = /^\s+input: Schema\.Struct\(\{([^}]*)\}\)/m.exec(definition)?.[1]
  if (struct === undefined) return undefined
  const fields: Array<Field> = []
  for (const line of struct.split(",").map((field) => field.trim())) {
    const [, name, schema] = /^(\w+): (\w+|Schema\.\w+)$/.exec(line) ?? []
    if (name === undefined || schema === undefined) return undefined
    const noun = home(schema)
    if (noun === undefined && !schema.startsWith("Schema.")) return undefined
    fields.push({ name, schema, noun })
  }
  return fields
}

const matches = (text: string, pattern: RegExp): Array<string> =>
  [...text.matchAll(pattern)].flatMap(([, name]) => (name === undefined ? [] : [name]))
