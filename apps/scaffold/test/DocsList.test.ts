import { assert, describe, it } from "@effect/vitest"
import * as DocsList from "../src/DocsList.ts"

const add = (page: string) => DocsList.add(page, "Upstreams", "- new")

describe("a line in a page's list", () => {
  it("makes the heading where there is none", () => {
    assert.strictEqual(add("# P\n\ntext\n"), "# P\n\ntext\n\n## Upstreams\n\n- new\n")
  })

  it("comes last in the list, and leaves what follows as it is", () => {
    assert.strictEqual(
      add("# P\n\n## Upstreams\n\nSome.\n\n- a\n- b\n  goes on\n\nAfter.\n\n## Entries\n\n- c\n"),
      "# P\n\n## Upstreams\n\nSome.\n\n- a\n- b\n  goes on\n- new\n\nAfter.\n\n## Entries\n\n- c\n"
    )
  })

  it("begins the list under a heading that has none", () => {
    assert.strictEqual(add("## Upstreams\n\n## Entries\n"), "## Upstreams\n\n- new\n\n## Entries\n")
    assert.strictEqual(add("## Upstreams\nSome.\n"), "## Upstreams\n\n- new\n\nSome.\n")
  })
})
