/** The entry by Fastify with its schemas, an undici pool for each upstream, and Promise.all. */
import Fastify from "fastify"
import { Pool } from "undici"
import { answerSchema, requestSchema } from "./schemas.ts"
import type { Equity, Live, Statistics, User, Version } from "./schemas.ts"

const partTimeout = 800
const deadline = 1000

interface Part<T> {
  readonly status: "ok" | "failed"
  readonly data?: T
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

const required = async <T>(pool: Pool, path: string, signal: AbortSignal): Promise<Part<T>> => {
  const began = performance.now()
  const { statusCode, body } = await pool.request({ method: "GET", path, signal })
  if (statusCode !== 200) {
    await body.dump()
    throw new Error(`status ${statusCode}`)
  }
  return { status: "ok", data: (await body.json()) as T, ms: performance.now() - began }
}

const optional = async <T>(pool: Pool, path: string, signal: AbortSignal): Promise<Part<T>> => {
  const began = performance.now()
  try {
    return await required<T>(pool, path, signal)
  } catch (error) {
    return { status: "failed", error: String(error), ms: performance.now() - began }
  }
}

const entry = async (roomId: string, userId: string, platform: string, signal: AbortSignal) => {
  const [version, live, user, equity, statistics] = await Promise.all([
    optional<Version>(pools.version, `/version?platform=${platform}`, signal),
    required<Live>(pools.live, `/rooms/${roomId}`, signal),
    required<User>(pools.user, `/users/${userId}`, signal),
    optional<Equity>(pools.equity, `/users/${userId}/equity?roomId=${roomId}`, signal),
    optional<Statistics>(pools.statistics, `/rooms/${roomId}/statistics`, signal)
  ])
  const parts = { version, live, user, equity, statistics }
  return { roomId, userId, mode: "degrade", complete: Object.values(parts).every((p) => p.status === "ok"), parts }
}

const app = Fastify()

app.get<{
  readonly Params: { readonly roomId: string }
  readonly Querystring: { readonly platform: string }
  readonly Headers: { readonly "x-user-id": string }
}>(
  "/v1/rooms/:roomId/entry",
  { schema: { ...requestSchema, response: { 200: answerSchema } } },
  async (request, reply) => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), deadline)
    reply.raw.on("close", () => controller.abort())
    try {
      return await entry(request.params.roomId, request.headers["x-user-id"], request.query.platform, controller.signal)
    } catch {
      controller.abort()
      return await reply.code(502).send({ title: "Bad Gateway" })
    } finally {
      clearTimeout(timer)
    }
  }
)

await app.listen({ host: process.env["PORTICO_HOST"] ?? "127.0.0.1", port: Number(process.env["PORTICO_PORT"]) })
