/** What takes the place of an optional part that failed: its last good data, its fallback, or its error. */
import * as Provenance from "@portico/call/Provenance"
import { Cause, Effect, Option } from "effect"
import * as Part from "../Part.ts"

type AnyOptional = Part.Optional<unknown, unknown, unknown>
type AnyOutcome = Part.Outcome<unknown, unknown>

/** It does not fail: what stands in for a part may break as well. */
export const of = (
  name: string,
  part: AnyOptional,
  cause: Cause.Cause<unknown>
): Effect.Effect<AnyOutcome, never, unknown> =>
  whatFailed(name, cause).pipe(
    Effect.flatMap((error) => instead(error, part)),
    Effect.catchCause((cause) =>
      Effect.map(whatFailed(name, cause), (error): AnyOutcome => ({ status: "failed", error }))
    )
  )

const instead = (error: unknown, { stale, fallback }: AnyOptional): Effect.Effect<AnyOutcome, never, unknown> =>
  Effect.gen(function* () {
    const lastGood = stale === undefined ? Option.none() : yield* stale
    if (Option.isSome(lastGood)) {
      yield* Provenance.note("stale")
      const { value, ageMillis } = lastGood.value
      return { status: "stale", data: value, ageMillis, error }
    }
    if (fallback !== undefined) {
      yield* Provenance.note("fallback")
      return { status: "fallback", data: fallback(error), error }
    }
    return { status: "failed", error }
  })

/** The typed error of a part; a defect, or an interruption that nobody here asked for, is logged and stays nameless. */
const whatFailed = (name: string, cause: Cause.Cause<unknown>): Effect.Effect<unknown> => {
  const error = Cause.findErrorOption(cause)
  if (Option.isSome(error)) return Effect.succeed(error.value)
  return Effect.as(Effect.logError(`part ${name} broke`, cause), new Part.Defect())
}
