/** The programs that a measurement needs: where they are, and which versions. */
import { execFileSync } from "node:child_process"
import { accessSync, constants, existsSync } from "node:fs"
import { delimiter, join } from "node:path"

const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", "/usr/local/go/bin"]

const isProgram = (path: string) => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

const find = (...names: ReadonlyArray<string>): string | undefined =>
  names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram)

/** The paths of the programs found; a name that is undefined is absent. */
export const tools = {
  taskset: find("taskset"),
  nginx: find("nginx"),
  wrk: find("wrk"),
  go: find("go"),
  phpFpm: find("php-fpm", "php-fpm8.4", "php-fpm8.3", "php-fpm8.2", "php-fpm8.1"),
  php: find("php")
}

export type Tool = keyof typeof tools

const output = (program: string | undefined, ...args: ReadonlyArray<string>): string => {
  if (program === undefined) return ""
  try {
    return execFileSync("/bin/sh", ["-c", `"$0" "$@" 2>&1 || true`, program, ...args], { encoding: "utf8" })
  } catch {
    return ""
  }
}

const nginxBuild = output(tools.nginx, "-V")

/** The file of nginx's echo module, which delays and repeats answers. */
export const echoModule = ["--modules-path=(\\S+)", "--prefix=(\\S+)"]
  .map((option) => new RegExp(option).exec(nginxBuild)?.[1])
  .flatMap((folder) => (folder === undefined ? [] : [folder, join(folder, "modules")]))
  .map((folder) => join(folder, "ngx_http_echo_module.so"))
  .find((file) => existsSync(file))

/** Whether PHP has curl: without it the peer cannot fetch. */
export const phpHasCurl = () => /^curl$/m.test(output(tools.phpFpm, "-m"))

/** The versions of all that a figure depends on. */
export const versions = () => {
  const first = (text: string, pattern: RegExp) => pattern.exec(text)?.[1] ?? "absent"
  return {
    node: process.versions.node,
    go: first(output(tools.go, "version"), /go version go(\S+)/),
    nginx: first(nginxBuild, /nginx\/(\S+)/),
    wrk: first(output(tools.wrk, "-v"), /^wrk (\S+)/m),
    php: first(output(tools.phpFpm, "-v"), /^PHP (\S+)/m)
  }
}
