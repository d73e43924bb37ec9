/** What a client should see of each fault of an upstream: as a problem, and as a part. */
import { assert } from "@effect/vitest"
import * as Equity from "@portico/room/Equity"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { UserId } from "@portico/room/UserId"
import type * as Faults from "@portico/testing/Faults"
import { type Answer, good, partsOf } from "./fixture.ts"
import type { Viewer } from "./five.ts"

export interface Expected {
  readonly reason: "Unreachable" | "Timeout" | "Status" | "Payload"
  /** The status of an entry that fails for it. */
  readonly problem: 502 | 504
  /** What is said of the upstream. */
  readonly message: string
  /** The status that the upstream answered. */
  readonly status?: number
  /** Requests on the wire for one call. */
  readonly requests: 0 | 1 | 2
  /** Whether it ends with a whole answer, so that its connection stays. */
  readonly whole: boolean
}

const timeout: Expected = {
  reason: "Timeout",
  problem: 504,
  message: "did not answer within its timeout",
  requests: 2,
  whole: false
}

/** Of an upstream that has not answered when the entry's time is over. */
export const atTheDeadline: Expected = {
  ...timeout,
  message: "did not answer before the deadline",
  requests: 1
}

const unreachable = (why: string, requests: 0 | 2 = 2): Expected => ({
  reason: "Unreachable",
  problem: 502,
  message: `could not be reached (${why})`,
  requests,
  whole: false
})

const payload = (why: string, whole: boolean): Expected => ({
  reason: "Payload",
  problem: 502,
  message: `answered with a body that is ${why}`,
  requests: 1,
  whole
})

const status = (status: number, requests: 1 | 2): Expected => ({
  reason: "Status",
  problem: 502,
  message: `answered ${status}`,
  status,
  requests,
  whole: true
})

export const expectations: Readonly<Record<Faults.Name, Expected>> = {
  hang: timeout,
  "reset before the head": unreachable("reset"),
  "reset within the body": unreachable("reset"),
  "not HTTP": unreachable("not HTTP"),
  drip: timeout,
  "endless body": payload("over the size limit", false),
  "not JSON": payload("not JSON", true),
  "wrong schema": payload("not the schema", true),
  "500": status(500, 2),
  // The pause that it asks for would outlast the deadline.
  "429": status(429, 1),
  "503": status(503, 2),
  refused: unreachable("refused", 0)
}

/** What the well upstream's answer for this viewer says. */
export const dataOf = ({ roomId, userId }: Viewer, name: RoomUpstreams.Name): unknown => {
  const paths = {
    version: "/version",
    live: `/rooms/${roomId}`,
    user: `/users/${userId}`,
    equity: `/users/${userId}/equity`,
    statistics: `/rooms/${roomId}/statistics`
  }
  return JSON.parse(good(paths[name]))
}

interface Entered {
  readonly answer: Answer
  readonly viewer: Viewer
}

const assertOk = ({ answer, viewer }: Entered, names: ReadonlyArray<RoomUpstreams.Name>) => {
  for (const name of names) {
    const { status, data } = partsOf(answer)[name]!
    assert.strictEqual(status, "ok", name)
    assert.deepStrictEqual(data, dataOf(viewer, name), name)
  }
}

/** The entry is complete. */
export const assertComplete = (entered: Entered) => {
  assert.strictEqual(entered.answer.status, 200)
  assert.isTrue(entered.answer.body["complete"])
  assertOk(entered, RoomUpstreams.names)
}

/** The entry failed, and says for whose fault and why. */
const assertProblem = ({ status, headers, body }: Answer, upstream: RoomUpstreams.Name, expected: Expected) => {
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
  const { type: _, title: __, requestId, ...problem } = body
  assert.strictEqual(requestId, headers.get("x-request-id"))
  assert.deepStrictEqual(problem, {
    status,
    detail: `${upstream} ${expected.message}.`,
    _tag: "UpstreamError",
    reason: expected.reason,
    upstream
  })
  assert.strictEqual(status, expected.problem)
}

/** The entry succeeded, though this part is not ok, which says why; the others are as good as ever. Says the part's age. */
export const assertPart = (
  entered: Entered,
  upstream: RoomUpstreams.Name,
  { reason, status, message }: Expected,
  part: Readonly<Record<string, unknown>>
) => {
  const { answer } = entered
  assert.strictEqual(answer.status, 200)
  assert.isFalse(answer.body["complete"])
  const { ms, ageMs, ...rest } = partsOf(answer)[upstream]!
  assert.isNumber(ms)
  const error = { _tag: "UpstreamError", reason, upstream, message: `${upstream} ${message}` }
  assert.deepStrictEqual(rest, { ...part, error: status === undefined ? error : { ...error, status } })
  assertOk(
    entered,
    RoomUpstreams.names.filter((name) => name !== upstream)
  )
  return Number(ageMs)
}

/** What becomes of an entry in this mode when this upstream has the fault and nothing is known from before. */
export const assertCell = (
  entered: Entered,
  mode: "failfast" | "settle" | "degrade",
  upstream: RoomUpstreams.Name,
  expected: Expected
) => {
  const required = upstream === "live" || upstream === "user"
  if (mode === "failfast" || (mode === "degrade" && required)) {
    return assertProblem(entered.answer, upstream, expected)
  }
  const nothing = { status: "fallback", data: Equity.none(UserId.make(entered.viewer.userId)) }
  assertPart(entered, upstream, expected, mode === "degrade" && upstream === "equity" ? nothing : { status: "failed" })
}
