/** The import lines of a written file: one for each module, in the order of their names, types marked as such. */

export interface Import {
  readonly from: string
  readonly name: string
  /** A type: nothing at run time. */
  readonly type?: boolean
  /** The whole module, under that name. */
  readonly whole?: boolean
}

export const render = (imports: ReadonlyArray<Import>): string =>
  [...Map.groupBy(imports, ({ from }) => from)]
    .toSorted(([a], [b]) => order(a).localeCompare(order(b), "en"))
    .map(([from, imports]) => line(from, imports))
    .join("\n")

// Packages before neighbours, and a parent's files before one's own.
const order = (from: string): string => `${from.startsWith(".") ? (from.startsWith("..") ? 1 : 2) : 0}${from}`

const line = (from: string, imports: ReadonlyArray<Import>): string => {
  const whole = imports.find(({ whole }) => whole)
  if (whole !== undefined) return `import * as ${whole.name} from "${from}"`
  const values = new Set(imports.flatMap(({ name, type }) => (type ? [] : [name])))
  const types = new Set(imports.flatMap(({ name, type }) => (type && !values.has(name) ? [name] : [])))
  const names = [...values, ...types].toSorted((a, b) => a.localeCompare(b, "en"))
  return values.size === 0
    ? `import type { ${names.join(", ")} } from "${from}"`
    : `import { ${names.map((name) => (values.has(name) ? name : `type ${name}`)).join(", ")} } from "${from}"`
}
