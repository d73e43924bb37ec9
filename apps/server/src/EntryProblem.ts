/** Which HTTP answer an entry's error becomes: the one table of it. */
import type { Draining } from "@portico/edge/Drain"
import type { Overloaded } from "@portico/edge/LoadShed"
import type { Problem } from "@portico/edge/Problem"
import type { EntryError } from "@portico/room/RoomEntry"
import type { UpstreamError } from "@portico/upstream/UpstreamError"

/** What can take the place of an answer: the domain's errors, an upstream's, and our own refusals. */
export type EntryFailure = EntryError | Draining | Overloaded

export const of = (error: EntryFailure): Problem => {
  switch (error._tag) {
    case "RoomNotFound":
      return { status: 404, tag: error._tag, detail: "There is no such room." }
    case "UserNotFound":
      return { status: 404, tag: error._tag, detail: "There is no such user." }
    case "Draining":
      return { status: 503, tag: error._tag, detail: "The service is shutting down.", retryAfterMillis: 1_000 }
    case "Overloaded":
      return {
        status: 503,
        tag: error._tag,
        detail: "The service has too much to do. Ask again.",
        retryAfterMillis: error.retryAfterMillis
      }
    case "UpstreamError":
      return ofUpstream(error)
  }
}

const statuses = { Unreachable: 502, Status: 502, Payload: 502, Rejected: 503, Timeout: 504 } as const

const ofUpstream = ({ upstream, reason, message, retryAfterMillis }: UpstreamError): Problem => {
  const problem = {
    status: statuses[reason._tag],
    tag: "UpstreamError",
    detail: `${message}.`,
    reason: reason._tag,
    upstream
  }
  return reason._tag === "Rejected" ? { ...problem, retryAfterMillis: retryAfterMillis ?? 1_000 } : problem
}
