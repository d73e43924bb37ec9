/** One question to a live service, as a contract asks it: what came back as JSON, or in words why nothing usable did. */
import type { Path } from "@portico/upstream/Path"
import type { Response, Wire } from "@portico/upstream/Transport"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import { Duration, Effect, Schema } from "effect"

/** Asks, with these headers beside `accept`, given as names and values in turn; fails in words. */
export interface Ask {
  (path: Path, headers?: ReadonlyArray<string>): Effect.Effect<Response, string>
}

/** Asks over a wire, with a limit for each answer. */
export const over =
  (wire: Wire, limit: Duration.Duration): Ask =>
  ({ method, path, body }, headers = []) => {
    if (path === undefined) return Effect.fail("the input makes no path")
    const accept = ["accept", "application/json", ...headers]
    const request =
      body === undefined
        ? { method, path, headers: accept }
        : { method, path, headers: [...accept, "content-type", "application/json"], body }
    return Effect.callback<Response, UpstreamError>((resume) => {
      const sent = wire({ request: () => request }, { tell: resume })
      return Effect.sync(() => sent.end())
    }).pipe(
      Effect.mapError(({ reason }) => reason.message),
      Effect.timeoutOrElse({
        duration: limit,
        orElse: () => Effect.fail(`did not answer within ${Duration.format(limit)}`)
      }),
      Effect.mapError((why) => `${method} ${path} ${why}`)
    )
  }

/** The JSON of a success; fails in words for any other status, and for a body that is not JSON. */
export const json = (path: Path, { status, body }: Response): Effect.Effect<unknown, string> =>
  status < 200 || status > 299
    ? Effect.fail(`${name(path)} answered ${status}`)
    : Effect.mapError(fromJson(body), () => `${name(path)} answered with a body that is not JSON`)

const fromJson = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

/** A request in words. */
export const name = ({ method, path }: Path): string => `${method} ${path ?? "(no path)"}`
