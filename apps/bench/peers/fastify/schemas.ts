/** The JSON schemas that Fastify validates requests and compiles answers with, and the types that they describe. */
export interface Version {
  readonly latest: string
  readonly minimum: string
  readonly features: ReadonlyArray<string>
}

export interface Live {
  readonly roomId: string
  readonly title: string
  readonly status: "live" | "offline" | "banned"
  readonly anchorId: string
  readonly coverUrl: string
  readonly startedAt: string
  readonly streams: ReadonlyArray<{ readonly protocol: string; readonly quality: string; readonly url: string }>
}

export interface User {
  readonly userId: string
  readonly nickname: string
  readonly level: number
  readonly avatarUrl: string
}

export interface Equity {
  readonly userId: string
  readonly vip: boolean
  readonly badges: ReadonlyArray<string>
  readonly coins: number
  readonly privileges: ReadonlyArray<string>
}

export interface Statistics {
  readonly roomId: string
  readonly viewers: number
  readonly likes: number
  readonly gifts: number
}

const string = { type: "string" }
const integer = { type: "integer" }
const strings = { type: "array", items: string }
const id = { type: "string", pattern: "^[\\w-]{1,64}$" }

const object = (properties: Readonly<Record<string, unknown>>) => ({ type: "object", properties })

const part = (properties: Readonly<Record<string, unknown>>) =>
  object({ status: string, data: object(properties), error: string, ms: { type: "number" } })

export const requestSchema = {
  params: { ...object({ roomId: id }), required: ["roomId"] },
  headers: { ...object({ "x-user-id": id }), required: ["x-user-id"] },
  querystring: object({ platform: { ...id, default: "web" } })
}

export const answerSchema = object({
  roomId: string,
  userId: string,
  mode: string,
  complete: { type: "boolean" },
  parts: object({
    version: part({ latest: string, minimum: string, features: strings }),
    live: part({
      roomId: string,
      title: string,
      status: string,
      anchorId: string,
      coverUrl: string,
      startedAt: string,
      streams: { type: "array", items: object({ protocol: string, quality: string, url: string }) }
    }),
    user: part({ userId: string, nickname: string, level: integer, avatarUrl: string }),
    equity: part({ userId: string, vip: { type: "boolean" }, badges: strings, coins: integer, privileges: strings }),
    statistics: part({ roomId: string, viewers: integer, likes: integer, gifts: integer })
  })
})
