/** The entry by node:http, an undici pool for each upstream, and Promise.all: no framework at all. */
import { createServer } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import { Pool } from "undici"

const partTimeout = 800
const deadline = 1000
const path = /^\/v1\/rooms\/([\w-]{1,64})\/entry(?:\?(.*))?$/
const id = /^[\w-]{1,64}$/

interface Part {
  readonly status: "ok" | "failed"
  readonly data?: unknown
  readonly error?: string
  readonly ms: number
}

const poolOf = (name: string) =>
  new Pool(process.env[`PORTICO_UPSTREAM_${name}`] ?? "", { headersTimeout: partTimeout, bodyTimeout: partTimeout })

const pools = {
  version: poolOf("VERSION"),
  live: poolOf("LIVE"),
  user: poolOf("USER"),
  equity: poolOf("EQUITY"),
  statistics: poolOf("STATISTICS")
}

const elapsed = (began: number) => Math.round((performance.now() - began) * 1000) / 1000

const required = async (pool: Pool, path: string, signal: AbortSignal): Promise<Part> => {
  const began = performance.now()
  const { statusCode, body } = await pool.request({ method: "GET", path, signal })
  if (statusCode !== 200) {
    await body.dump()
    throw new Error(`status ${statusCode}`)
  }
  return { status: "ok", data: await body.json(), ms: elapsed(began) }
}

const optional = async (pool: Pool, path: string, signal: AbortSignal): Promise<Part> => {
  const began = performance.now()
  try {
    return await required(pool, path, signal)
  } catch (error) {
    return { status: "failed", error: String(error), ms: elapsed(began) }
  }
}

const entry = async (roomId: string, userId: string, platform: string, signal: AbortSignal) => {
  const [version, live, user, equity, statistics] = await Promise.all([
    optional(pools.version, `/version?platform=${platform}`, signal),
    required(pools.live, `/rooms/${roomId}`, signal),
    required(pools.user, `/users/${userId}`, signal),
    optional(pools.equity, `/users/${userId}/equity?roomId=${roomId}`, signal),
    optional(pools.statistics, `/rooms/${roomId}/statistics`, signal)
  ])
  const parts = { version, live, user, equity, statistics }
  return { roomId, userId, mode: "degrade", complete: Object.values(parts).every((p) => p.status === "ok"), parts }
}

const answer = (response: ServerResponse, status: number, body: string) => {
  if (response.destroyed) return
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
  response.end(body)
}

const handle = async (request: IncomingMessage, response: ServerResponse) => {
  const [, roomId, query] = path.exec(request.url ?? "") ?? []
  const userId = request.headers["x-user-id"]
  const platform = query === undefined ? "web" : (new URLSearchParams(query).get("platform") ?? "web")
  if (roomId === undefined) return answer(response, 404, `{"title":"Not Found"}`)
  if (typeof userId !== "string" || !id.test(userId) || !id.test(platform)) {
    return answer(response, 400, `{"title":"Bad Request"}`)
  }
  // One controller an entry: its deadline, the client's leaving and the first failure all end the fetches.
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), deadline)
  response.on("close", () => controller.abort())
  try {
    answer(response, 200, JSON.stringify(await entry(roomId, userId, platform, controller.signal)))
  } catch {
    controller.abort()
    answer(response, 502, `{"title":"Bad Gateway"}`)
  } finally {
    clearTimeout(timer)
  }
}

createServer((request, response) => void handle(request, response)).listen(
  Number(process.env["PORTICO_PORT"]),
  process.env["PORTICO_HOST"]
)
