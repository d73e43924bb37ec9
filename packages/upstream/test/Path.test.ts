import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as Path from "../src/Path.ts"

describe("Path", () => {
  it("each hole becomes one segment, or one query value", () => {
    assert.deepStrictEqual(Path.get`/rooms/${"a/b"}/users/${7}?q=${"x&y=z"}`, {
      method: "GET",
      path: "/rooms/a%2Fb/users/7?q=x%26y%3Dz"
    })
  })

  it("a path without holes is as it is written", () => {
    assert.strictEqual(Path.get`/version`.path, "/version")
  })

  it.effect.prop(
    "whatever is put in comes out at the other end, in its own place",
    { segment: Schema.String, value: Schema.String },
    ({ segment, value }) =>
      Effect.sync(() => {
        const { path } = Path.get`/rooms/${segment}/list?q=${value}&end`
        const shapeless = (hole: string) => ["", ".", ".."].includes(hole) || !hole.isWellFormed()
        if (shapeless(segment) || shapeless(value)) return assert.isUndefined(path)
        const url = new URL(path ?? "", "http://host")
        assert.strictEqual(url.host, "host")
        assert.deepStrictEqual(url.pathname.split("/").map(decodeURIComponent), ["", "rooms", segment, "list"])
        assert.deepStrictEqual(
          [...url.searchParams],
          [
            ["q", value],
            ["end", ""]
          ]
        )
        assert.strictEqual(url.hash, "")
      }),
    { arbitrary: { runs: 500 } }
  )

  for (const hole of ["", ".", "..", "\ud800", "a\udfff"]) {
    it(`${JSON.stringify(hole)} makes no path`, () => {
      assert.isUndefined(Path.get`/rooms/${hole}`.path)
      assert.isUndefined(Path.post`/rooms/${"1"}/${hole}`({}).path)
    })
  }

  for (const hole of [
    "//evil.example",
    "http://evil.example",
    "a\r\nx-admin: 1",
    "a b",
    "a#b",
    "a?b",
    "a\\b",
    "%2e%2e"
  ]) {
    it(`${JSON.stringify(hole)} chooses no host, header or segment`, () => {
      const { path = "" } = Path.get`/rooms/${hole}`
      const url = new URL(path, "http://host")
      assert.deepStrictEqual([url.host, url.search, url.hash], ["host", "", ""])
      assert.match(path, /^\/rooms\/[!-~]+$/)
      assert.deepStrictEqual(url.pathname.split("/").map(decodeURIComponent), ["", "rooms", hole])
    })
  }

  it("a POST has its body as JSON, and is not sent twice", () => {
    const path = Path.post`/rooms/${"1"}/likes`({ count: 2 })
    assert.deepStrictEqual(path, { method: "POST", path: "/rooms/1/likes", body: `{"count":2}` })
    assert.isFalse(Path.isIdempotent(path))
    assert.isTrue(Path.isIdempotent(Path.get`/rooms`))
  })
})
