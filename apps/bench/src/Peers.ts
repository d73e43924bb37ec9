/** The servers that are compared: what each is, what it needs, how it is built and started. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import workspace from "../../../package.json" with { type: "json" }
import type { Scope } from "effect"
import { BenchError } from "./BenchError.ts"
import { run, serve } from "./Child.ts"
import type { Server } from "./Child.ts"
import { cores } from "./Machine.ts"
import * as Php from "./Php.ts"
import { phpHasCurl, tools } from "./Tools.ts"
import type { Tool } from "./Tools.ts"
import { names } from "./Upstreams.ts"
import type { Bases } from "./Upstreams.ts"

export type PeerName = "portico" | "node" | "fastify" | "effect-stock" | "go-errgroup" | "go-singleflight" | "php"

interface Start {
  readonly port: number
  readonly upstreams: Bases
  readonly batching: boolean
  /** A folder of its own for what it writes. */
  readonly folder: string
}

export interface Peer {
  readonly about: string
  /** What is missing for it to run here; undefined if it can. */
  readonly absent: () => string | undefined
  readonly build: (scratch: string) => Effect.Effect<void, BenchError>
  readonly start: (start: Start) => Effect.Effect<Server, BenchError, Scope.Scope>
}

const root = join(import.meta.dirname, "..")

/** What the start command says, to Node and in the environment: what is measured is what it starts. */
export const portico = (({ start }: { readonly start: string }) => {
  const fromRoot = (path: string) => join(root, "../..", path)
  const [settings = "", command = ""] = start.split(" node ")
  return {
    args: command.split(" ").map((arg) => (arg.startsWith("-") ? arg : fromRoot(arg))),
    env: Object.fromEntries(
      [...settings.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", path = ""]) => [name, fromRoot(path)])
    )
  }
})(workspace.scripts)

const environment = ({ port, upstreams, batching }: Start): Readonly<Record<string, string>> => ({
  PORTICO_HOST: "127.0.0.1",
  PORTICO_PORT: String(port),
  ...Object.fromEntries(names.map((name) => [`PORTICO_UPSTREAM_${name.toUpperCase()}`, upstreams[name]])),
  ...(batching ? { PORTICO_UPSTREAM_USER_BATCH: "true", PORTICO_UPSTREAM_EQUITY_BATCH: "true" } : {}),
  NODE_ENV: "production",
  GOMAXPROCS: "1"
})

const missing = (...needed: ReadonlyArray<Tool>) => {
  const names = needed.filter((tool) => tools[tool] === undefined)
  return names.length === 0 ? undefined : `${names.join(", ")} not found`
}

const node = (about: string, args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}): Peer => ({
  about,
  absent: () => (existsSync(args.at(-1) ?? "") ? undefined : "its main file is not there"),
  build: () => Effect.void,
  start: (start) =>
    serve(
      {
        program: process.execPath,
        args,
        env: { ...env, ...environment(start) },
        cwd: start.folder,
        core: cores?.server
      },
      join(start.folder, "output.log")
    )
})

/** Debian keeps golang.org/x/sync here, for machines without the module proxy. */
const debianGoPath = "/usr/share/gocode"
const hasDebianSync = existsSync(join(debianGoPath, "src/golang.org/x/sync/errgroup"))

const go = (about: string, binary: string, ...tags: ReadonlyArray<string>): Peer => ({
  about,
  absent: () => missing("go"),
  build: (scratch) =>
    run({
      program: tools.go ?? "go",
      args: [
        "build",
        ...(hasDebianSync ? [] : ["-mod=mod"]),
        "-tags",
        tags.join(","),
        "-o",
        join(scratch, binary),
        "."
      ],
      cwd: join(root, "peers/go"),
      env: hasDebianSync ? { GO111MODULE: "off", GOPATH: debianGoPath } : {}
    }),
  start: (start) =>
    serve(
      { program: join(start.folder, "..", binary), args: [], env: environment(start), core: cores?.server },
      join(start.folder, "output.log")
    )
})

export const peers: Readonly<Record<PeerName, Peer>> = {
  portico: node("this project, all its default policies on", portico.args, portico.env),
  node: node("node:http, undici pools, Promise.all", [join(root, "peers/node/main.ts")]),
  fastify: node("Fastify with schemas, undici pools, Promise.all", [join(root, "peers/fastify/main.ts")]),
  "effect-stock": node("Effect's HttpRouter and its undici HttpClient, Effect.all", [
    join(root, "peers/effect-stock/main.ts")
  ]),
  "go-errgroup": go("Go net/http, errgroup.WithContext", "go-errgroup"),
  "go-singleflight": go("the same with singleflight and a cache of one second", "go-singleflight", "singleflight"),
  php: {
    about: "PHP-FPM behind nginx, curl, one upstream after the other",
    absent: () => missing("phpFpm", "nginx") ?? (phpHasCurl() ? undefined : "PHP has no curl"),
    build: () => Effect.void,
    start: (start) => Php.start(start, environment(start), join(root, "peers/php/entry.php"))
  }
}

/** Waits until it answers a right entry; a server that ends before is an error with its last words. */
export const ready = (name: PeerName, server: Server, probe: Effect.Effect<string | undefined>) =>
  Effect.gen(function* () {
    let fault: string | undefined = "no answer"
    for (let tries = 0; tries < 600; tries++) {
      if (!server.isRunning()) return yield* new BenchError({ message: `${name} ended: ${server.lastWords()}` })
      fault = yield* probe
      if (fault === undefined) return
      yield* Effect.sleep("100 millis")
    }
    return yield* new BenchError({
      message: `${name} gave no right entry in a minute: ${fault}\n${server.lastWords()}`
    })
  })
