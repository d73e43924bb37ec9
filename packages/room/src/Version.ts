/** The version upstream: which client versions there are for a platform, and what is switched on. */
import * as Path from "@portico/upstream/Path"
import * as Upstream from "@portico/upstream/Upstream"
import { Schema } from "effect"
import { type Endpoint, policies } from "./Endpoint.ts"

/** What a client runs on. */
export const Platform = Schema.Literals(["web", "ios", "android"])
export type Platform = typeof Platform.Type

/** The newest client version, the oldest that is still served, and the features that are switched on. */
export const VersionInfo = Schema.Struct({
  latest: Schema.String,
  minimum: Schema.String,
  features: Schema.Array(Schema.String)
})
export type VersionInfo = typeof VersionInfo.Type

/** The upstream. It has no error of its own. */
export class Version extends Upstream.Service<Version>()("version", {
  input: Schema.Struct({ platform: Platform }),
  output: VersionInfo,
  errors: []
}) {
  /** How it is asked, and what its statuses mean. */
  static readonly http = (
    endpoint: Endpoint
  ): Upstream.HttpOptions<{ readonly platform: Platform }, VersionInfo, never> => ({
    baseUrl: endpoint.baseUrl,
    request: ({ platform }) => Path.get`/version?platform=${platform}`,
    // Three answers in all, changed by a release: a minute is soon enough, and an old one serves through an outage.
    policies: { ...policies(endpoint), freshFor: "1 minute", staleIfError: "10 minutes" }
  })

  /** The real one. */
  static readonly layer = (endpoint: Endpoint) => this.layerHttp(this.http(endpoint))
}
