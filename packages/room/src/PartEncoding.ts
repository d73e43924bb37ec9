/** A part as the contract writes it: an outcome with its milliseconds, an error as plain data. */
import type * as Part from "@portico/fanout/Part"
import * as Timeline from "@portico/fanout/Timeline"
import type { UpstreamError } from "@portico/upstream/UpstreamError"
import type { PartError } from "./RoomApi.ts"
import type { RoomNotFound } from "./RoomId.ts"
import type { UserNotFound } from "./UserId.ts"

type KnownError = UpstreamError | RoomNotFound | UserNotFound

/** The part of an answer. An age is in whole milliseconds. */
export const encode = <A>(outcome: Part.Outcome<A, KnownError>, ms: number) => {
  switch (outcome.status) {
    case "ok":
      return { status: "ok" as const, data: outcome.data, ms }
    case "stale":
      return {
        status: "stale" as const,
        data: outcome.data,
        ageMs: Math.round(outcome.ageMillis),
        error: encodeError(outcome.error),
        ms
      }
    case "fallback":
      return { status: "fallback" as const, data: outcome.data, error: encodeError(outcome.error), ms }
    case "failed":
      return { status: "failed" as const, error: encodeError(outcome.error), ms }
    case "skipped":
      return { status: "skipped" as const, ms }
  }
}

/** The JSON of the part. */
export const toJson = (outcome: Part.Outcome<object, KnownError>, mark: Timeline.Mark | undefined): string =>
  outcome.status === "ok" && mark !== undefined && isShared(mark)
    ? `{"status":"ok","data":${sharedJson(outcome.data)},"ms":${millis(mark)}}`
    : JSON.stringify(encode(outcome, millis(mark)))

/** Whether somebody else has the same answer: in a hot room nearly everybody. */
const isShared = ({ provenance }: Timeline.Mark): boolean => provenance === "cached" || provenance === "coalesced"

/** What is not shared is not kept: of the answers that go to one viewer each there are too many. */
const sharedJson = (data: object): string => {
  const known = texts.get(data)
  if (known !== undefined) return known
  const text = JSON.stringify(data)
  texts.set(data, text)
  return text
}

const texts = new WeakMap<object, string>()

/** How long a part took, to a tenth of a millisecond; 0 for one that is not on the timeline. */
export const millis = (mark: Timeline.Mark | undefined): number =>
  mark === undefined ? 0 : Math.round(Timeline.duration(mark) * 10) / 10

const encodeError = (error: KnownError | Part.Defect): PartError => {
  if (error._tag !== "UpstreamError") return { _tag: error._tag, message: error.message }
  const { upstream, reason, message } = error
  return {
    _tag: "UpstreamError",
    reason: reason._tag,
    upstream,
    ...(reason._tag === "Status" ? { status: reason.status } : {}),
    message
  }
}
