/** What there is already: the packages that can take an upstream or an entry, their modules, and every upstream's name. */
import { Array, Effect, FileSystem, Path, Result, Schema } from "effect"
import { Refused } from "./Refused.ts"
import * as Source from "./Source.ts"

export interface Package {
  /** The folder's name in `packages`. */
  readonly name: string
  readonly folder: string
  readonly sources: ReadonlyArray<Source.Source>
  readonly dependencies: ReadonlySet<string>
}

const dependencies = Schema.optionalKey(Schema.Record(Schema.String, Schema.String))

const Manifest = Schema.fromJsonString(Schema.Struct({ dependencies, devDependencies: dependencies }))

/** Every package of the workspace at `root`. */
export const packages = Effect.fnUntraced(function* (root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifests = yield* fs.glob("packages/*/package.json", { root })
  return yield* Effect.forEach(manifests.toSorted(), (manifest) => open(path.join(root, path.dirname(manifest))))
})

const open = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const manifest = yield* Schema.decodeEffect(Manifest)(yield* fs.readFileString(path.join(folder, "package.json")))
  const files = yield* fs.glob("src/*.ts", { root: folder })
  const sources = yield* Effect.forEach(files.toSorted(), (file) =>
    Effect.map(fs.readFileString(path.join(folder, file)), (text) => Source.read(path.basename(file, ".ts"), text))
  )
  return {
    name: path.basename(folder),
    folder,
    sources,
    dependencies: new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }))
  } satisfies Package
})

/** What a package must have before it can take what is written. */
const needs: ReadonlyArray<{ readonly what: string; readonly met: (home: Package) => boolean }> = [
  ...["@portico/upstream", "@portico/fanout", "@portico/testing"].map((name) => ({
    what: `${name} among its dependencies`,
    met: ({ dependencies }: Package) => dependencies.has(name)
  })),
  {
    what: "src/Endpoint.ts, with its policies",
    met: ({ sources }) => sources.some(({ noun, exports }) => noun === "Endpoint" && exports.has("policies"))
  }
]

/** The packages that can take an upstream or an entry. */
export const homes = (all: ReadonlyArray<Package>): ReadonlyArray<Package> =>
  all.filter((home) => needs.every(({ met }) => met(home)))

/** The package of that name, if it can take what is written. */
export const homeOf = (all: ReadonlyArray<Package>, name: string): Effect.Effect<Package, Refused> => {
  const home = all.find((home) => home.name === name)
  if (home === undefined) {
    const known = homes(all).map(({ name }) => name)
    return new Refused({ why: `there is no packages/${name}: choose of ${known.join(", ")}` })
  }
  const missing = needs.filter(({ met }) => !met(home)).map(({ what }) => what)
  return missing.length === 0
    ? Effect.succeed(home)
    : new Refused({ why: `packages/${name} cannot take it: it lacks ${missing.join("; ")}` })
}

/** Refuses a new module that has the name of an old one, or exports what the package has already. */
export const free = ({ name, sources }: Package, noun: string, exports: ReadonlyArray<string>) => {
  const same = sources.find((source) => source.noun.toLowerCase() === noun.toLowerCase())
  if (same !== undefined) return new Refused({ why: `there is packages/${name}/src/${same.noun}.ts already` })
  for (const source of sources) {
    const taken = exports.find((name) => source.exports.has(name))
    if (taken !== undefined) {
      return new Refused({
        why: `packages/${name}/src/${source.noun}.ts exports ${taken} already: choose another name`
      })
    }
  }
  return Effect.void
}

/** The ids that a package's upstreams are asked by: `RoomId`, with its `RoomNotFound`, is `room`. */
export const ids = ({ sources }: Package): ReadonlyArray<string> =>
  Array.filterMap(sources, ({ noun, exports }) => {
    const [, id] = /^([A-Z]\w*)Id$/.exec(noun) ?? []
    return id !== undefined && exports.has(noun) && exports.has(`${id}NotFound`)
      ? Result.succeed(id.charAt(0).toLowerCase() + id.slice(1))
      : Result.failVoid
  })

/** The upstreams that a package defines. */
export const upstreams = ({ sources }: Package): ReadonlyArray<Source.Upstream> =>
  sources.flatMap(({ upstream }) => upstream ?? [])
