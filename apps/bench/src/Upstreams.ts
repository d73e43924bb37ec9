/** The five upstreams as nginx answers them: static JSON for any room and any user, so that they cost next to nothing. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"
import { serve } from "./Child.ts"
import { cores } from "./Machine.ts"
import * as Nginx from "./Nginx.ts"
import { freePorts } from "./Ports.ts"
import { echoModule, tools } from "./Tools.ts"

export const names = ["version", "live", "user", "equity", "statistics"] as const
export type Name = (typeof names)[number]

/** How the upstreams behave; each variant listens on five ports, as five hosts would. */
export interface Variant {
  readonly name: string
  /** Milliseconds until a part is answered. */
  readonly delays?: Readonly<Record<Name, number>>
  readonly failing?: Name
  /** KiB of every body. */
  readonly size?: number
}

const delays = { version: 10, live: 20, user: 30, equity: 40, statistics: 50 } as const

export const fast: Variant = { name: "fast" }
export const delayed: Variant = { name: "delayed", delays }
export const failing: Variant = { name: "failing", failing: "equity" }
export const sized = (size: number): Variant => ({ name: `sized-${size}`, size })

/** Delays and long bodies come from nginx's echo module, and so do batches. */
export const needsEcho = (variant: Variant) => variant.delays !== undefined || variant.size !== undefined

const user = (id: string) =>
  `{"userId":"${id}","nickname":"Viewer ${id}","level":12,"avatarUrl":"https://cdn.example/avatars/${id}.webp"}`

const equity = (id: string) =>
  `{"userId":"${id}","vip":true,"badges":["fan-12","guard-3"],"coins":4200,"privileges":["entry-effect","colour-chat"]}`

const stream = (protocol: string, quality: string) =>
  `{"protocol":"${protocol}","quality":"${quality}","url":"https://edge.example/${protocol}/$1/${quality}"}`

const bodies: Readonly<Record<Name, string>> = {
  version: `{"latest":"8.14.2","minimum":"7.0.0","features":["gifts","co-stream","captions"]}`,
  live:
    `{"roomId":"$1","title":"Evening songs by request","status":"live","anchorId":"a$1",` +
    `"coverUrl":"https://cdn.example/covers/$1.webp","startedAt":"2026-01-01T12:00:00Z",` +
    `"streams":[${stream("hls", "1080p")},${stream("flv", "720p")},${stream("webrtc", "720p")}]}`,
  user: user("$1"),
  equity: equity("$1"),
  statistics: `{"roomId":"$1","viewers":15321,"likes":88214,"gifts":1204}`
}

const locations: Readonly<Record<Name, string>> = {
  version: "= /version",
  live: "~ ^/rooms/([^/]+)$",
  user: "~ ^/users/([^/]+)$",
  equity: "~ ^/users/([^/]+)/equity$",
  statistics: "~ ^/rooms/([^/]+)/statistics$"
}

const location = (variant: Variant, name: Name): string => {
  const body = bodies[name]
  if (variant.failing === name) return `location ${locations[name]} { return 503 '{"title":"Unavailable"}'; }`
  if (variant.size !== undefined) {
    const filler = Math.max(0, Math.round(variant.size * 1024) - body.length - 12)
    const duplicate = filler === 0 ? "" : `echo_duplicate ${filler} x; `
    return `location ${locations[name]} { echo -n '${body.slice(0, -1)},"filler":"'; ${duplicate}echo -n '"}'; }`
  }
  if (variant.delays !== undefined) {
    return (
      `location ${locations[name]} { echo_sleep ${variant.delays[name] / 1000}; echo_exec @${name}; }\n` +
      `    location @${name} { return 200 '${body}'; }`
    )
  }
  return `location ${locations[name]} { return 200 '${body}'; }`
}

/** The batch forms: an item for each id, the last without a comma. Ids come separated by a comma, encoded or not. */
const batch = (path: string, ids: string, item: (id: string) => string) => {
  const answer = (comma: string, last: string, rest: string) =>
    `echo -n '{"items":['; echo_foreach_split ${comma} ${rest}; echo -n '${item("$echo_it")},'; echo_end; ` +
    `echo -n '${item(last)}]}';`
  return `
    location = ${path} {
      if ($args ~ "%2C") { rewrite ^ ${path}-encoded last; }
      ${answer(",", `$${ids}_last`, `$${ids}_rest`)}
    }
    location = ${path}-encoded { ${answer("%2C", `$${ids}_last`, `$${ids}_rest`)} }`
}

const splitting = (ids: string) => `
  map $arg_${ids} $${ids}_rest { ~^(?<${ids}_head>.*)(,|%2C)[^,%]+$ $${ids}_head; default ""; }
  map $arg_${ids} $${ids}_last { ~(,|%2C)(?<${ids}_tail>[^,%]+)$ $${ids}_tail; default $arg_${ids}; }`

const server = (variant: Variant, ports: ReadonlyArray<number>) => `
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(" ")}
    ${names.map((name) => location(variant, name)).join("\n    ")}
    ${variant.name === fast.name && echoModule !== undefined ? batch("/users", "ids", user) + batch("/equity", "userIds", equity) : ""}
  }`

export type Bases = Readonly<Record<Name, string>>

/** Runs nginx with some variants for as long as the scope lasts; answers the base URLs of each. */
export const run = Effect.fnUntraced(function* (variants: ReadonlyArray<Variant>, scratch: string) {
  if (tools.nginx === undefined) return yield* new BenchError({ message: "nginx is absent: it plays the upstreams" })
  const folder = join(scratch, "upstreams")
  mkdirSync(folder, { recursive: true })
  const placed: Array<readonly [Variant, ReadonlyArray<number>]> = []
  for (const variant of variants) placed.push([variant, yield* freePorts(names.length)])
  const splitters = echoModule === undefined ? "" : splitting("ids") + splitting("userIds")
  const servers = placed.map(([variant, ports]) => server(variant, ports)).join("\n")
  writeFileSync(join(folder, "nginx.conf"), Nginx.configuration(folder, splitters + servers))
  yield* serve({ program: tools.nginx, args: Nginx.args(folder), core: cores?.load }, join(folder, "output.log"))
  return new Map(
    placed.map(([variant, ports]): [string, Bases] => {
      const base = (name: Name) => `http://127.0.0.1:${ports[names.indexOf(name)] ?? 0}`
      return [
        variant.name,
        {
          version: base("version"),
          live: base("live"),
          user: base("user"),
          equity: base("equity"),
          statistics: base("statistics")
        }
      ]
    })
  )
})
