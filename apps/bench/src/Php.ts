/** PHP as it is deployed: FPM with a static pool, nginx in front, both on the server's core. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { getuid } from "node:process"
import { Effect } from "effect"
import { serve } from "./Child.ts"
import { cores } from "./Machine.ts"
import * as Nginx from "./Nginx.ts"
import { tools } from "./Tools.ts"

const children = 128

const pool = (folder: string, socket: string) => `
[global]
error_log = ${folder}/fpm.log
daemonize = no
[www]
${getuid?.() === 0 ? "user = root\ngroup = root" : ""}
listen = ${socket}
listen.backlog = 4096
pm = static
pm.max_children = ${children}
`

const site = (folder: string, socket: string, port: number, script: string, env: Readonly<Record<string, string>>) =>
  Nginx.configuration(
    folder,
    `
  upstream fpm { server unix:${socket}; keepalive ${children}; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      fastcgi_pass fpm;
      fastcgi_keep_conn on;
      fastcgi_param SCRIPT_FILENAME ${script};
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      ${Object.entries(env)
        .map(([name, value]) => `fastcgi_param ${name} ${value};`)
        .join("\n      ")}
    }
  }`
  )

interface Start {
  readonly port: number
  readonly folder: string
}

/** What is measured is both: FPM with its children, and the nginx in front. */
export const start = Effect.fnUntraced(function* (
  { port, folder }: Start,
  env: Readonly<Record<string, string>>,
  script: string
) {
  const front = join(folder, "front")
  const socket = join(folder, "fpm.sock")
  mkdirSync(front, { recursive: true })
  writeFileSync(join(folder, "fpm.conf"), pool(folder, socket))
  writeFileSync(join(front, "nginx.conf"), site(front, socket, port, script, env))
  const asRoot = getuid?.() === 0 ? ["--allow-to-run-as-root"] : []
  const fpm = yield* serve(
    {
      program: tools.phpFpm ?? "php-fpm",
      args: ["--nodaemonize", ...asRoot, "--fpm-config", join(folder, "fpm.conf")],
      core: cores?.server
    },
    join(folder, "output.log")
  )
  const nginx = yield* serve(
    { program: tools.nginx ?? "nginx", args: Nginx.args(front), core: cores?.server },
    join(front, "output.log")
  )
  return { ...fpm, pids: [...fpm.pids, ...nginx.pids] }
})
