import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as EntryTemplate from "../src/EntryTemplate.ts"
import * as Source from "../src/Source.ts"

const text = (input: string, output = "ThingInfo") => `
import { type Endpoint, policies } from "./Endpoint.ts"
import {
  RoomId,
  RoomNotFound
} from "./RoomId.ts"

export const ThingId = Schema.String
export const ThingInfo = Schema.Struct({ size: Schema.Int })

export class Thing extends Upstream.Service<Thing>()(
  "thing",
  {
    input: ${input},
    output: ${output},
    errors: [RoomNotFound]
  }
) {}
`

const upstreamIn = (source: string) => Source.read("Thing", source).upstream

describe("a source", () => {
  it("says what it exports and takes from its neighbours", () => {
    const { exports, imports } = Source.read("Thing", text("Schema.Struct({})"))
    assert.deepStrictEqual([...exports], ["ThingId", "ThingInfo", "Thing"])
    assert.deepStrictEqual(Object.fromEntries(imports), {
      Endpoint: "Endpoint",
      policies: "Endpoint",
      RoomId: "RoomId",
      RoomNotFound: "RoomId"
    })
  })

  it("of an upstream says what that is asked by, wherever the schemas stand", () => {
    assert.deepStrictEqual(upstreamIn(text("Schema.Struct({ roomId: RoomId, id: ThingId, page: Schema.Int })")), {
      noun: "Thing",
      className: "Thing",
      name: "thing",
      input: [
        { name: "roomId", schema: "RoomId", noun: "RoomId" },
        { name: "id", schema: "ThingId", noun: "Thing" },
        { name: "page", schema: "Schema.Int", noun: undefined }
      ],
      output: "ThingInfo"
    })
  })

  it("of something else has no upstream", () => {
    assert.isUndefined(upstreamIn("export class Thing extends Other<Thing>() {}"))
  })
})

describe("an upstream as a part", () => {
  const part = (source: string) => {
    const upstream = upstreamIn(source)
    return upstream === undefined ? Result.fail("no upstream") : EntryTemplate.part(upstream)
  }
  const fields = (input: string) => Result.getOrThrow(part(text(`Schema.Struct({ ${input} })`)))

  it("is refused where its input or its output has no name to write down", () => {
    for (const input of ["ThingId", "Schema.Struct({ id: Schema.String.pipe(f) })", "Schema.Struct({ id: Nowhere })"]) {
      const why = "the input in Thing.ts is no Schema.Struct of named schemas"
      assert.deepStrictEqual(part(text(input)), Result.fail(why), input)
    }
    const why = "the output in Thing.ts is no schema that it exports"
    assert.deepStrictEqual(part(text("Schema.Struct({ id: ThingId })", "Schema.Int")), Result.fail(why))
  })

  it("shares the fields that it has in common with others, and cannot understand them differently", () => {
    const [a, b, c] = [fields("id: ThingId"), fields("page: Schema.Int, id: ThingId"), fields("page: Schema.String")]
    const names = Result.map(EntryTemplate.inputOf([a, b]), (input) => input.map(({ name }) => name))
    assert.deepStrictEqual(names, Result.succeed(["id", "page"]))
    const why = "page is Schema.Int to one part and Schema.String to another"
    assert.deepStrictEqual(EntryTemplate.inputOf([b, c]), Result.fail(why))
  })
})
