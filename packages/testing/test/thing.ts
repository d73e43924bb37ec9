/** An upstream of no business, for tests of what is there for any. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"

export const ThingId = Schema.String.check(Schema.isPattern(/^[a-z]{1,8}$/)).pipe(Schema.brand("ThingId"))
export type ThingId = typeof ThingId.Type

/** What a 404 means. */
export class NoThing extends Schema.TaggedError<NoThing>()("NoThing", { id: ThingId }) {}

export const ThingInfo = Schema.Struct({ id: ThingId, size: Schema.Int })
export type ThingInfo = typeof ThingInfo.Type

export class Thing extends Upstream.Service<Thing>()("thing", {
  input: Schema.Struct({ id: ThingId }),
  output: ThingInfo,
  errors: [NoThing]
}) {}

export const id = (text: string) => ThingId.make(text)

/** How things are asked for, one or many. */
export const http = (baseUrl: URL): Upstream.HttpOptions<{ readonly id: ThingId }, ThingInfo, NoThing> => ({
  baseUrl,
  request: ({ id }) => Path.get`/things/${id}`,
  on: { 404: ({ id }) => new NoThing({ id }) },
  batch: {
    request: (inputs) => Path.get`/things?ids=${inputs.map(({ id }) => id).join(",")}`,
    id: ({ id }) => id,
    field: "id"
  },
  policies: { timeout: "300 millis", maxResponse: 1_000 }
})
