/**
 * What is asked of an upstream: a method, a path, and perhaps a body. Built with {@link get} and {@link post}, which encode
 * every hole, so that what a client sends never chooses a host, a header or where a path segment ends.
 *
 * @example
 * Path.get`/rooms/${"a/b"}/statistics` // => { method: "GET", path: "/rooms/a%2Fb/statistics" }
 */

import type { Schema } from "effect"

/** One request, without headers. */
export interface Path {
  readonly method: "GET" | "POST"
  /** The path with its query, encoded; undefined where a hole would have changed its shape: nothing is sent then. */
  readonly path: string | undefined
  readonly body?: string
}

type Hole = string | number

/** `GET`: each hole becomes one path segment, or one query value. */
export const get = (strings: TemplateStringsArray, ...holes: ReadonlyArray<Hole>): Path => ({
  method: "GET",
  path: encode(strings, holes)
})

/** `POST` of a JSON body. It is not idempotent: no policy sends it twice. */
export const post =
  (strings: TemplateStringsArray, ...holes: ReadonlyArray<Hole>) =>
  (body: Schema.Json): Path => ({ method: "POST", path: encode(strings, holes), body: JSON.stringify(body) })

/** Whether sending it twice is the same as sending it once. */
export const isIdempotent = (path: Path): boolean => path.method === "GET"

const encode = (strings: TemplateStringsArray, holes: ReadonlyArray<Hole>): string | undefined => {
  let path = strings[0] ?? ""
  for (let index = 0; index < holes.length; index++) {
    const hole = String(holes[index])
    // Percent-encoding does not take the meaning from "." and "..": servers may normalize them away, and a segment with
    // them. An empty hole would make two slashes of one segment.
    if (hole === "" || hole === "." || hole === ".." || !hole.isWellFormed()) return undefined
    path += encodeURIComponent(hole) + (strings[index + 1] ?? "")
  }
  return path
}
