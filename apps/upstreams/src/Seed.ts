/**
 * The reference data: a live-streaming platform of {@link roomCount} rooms and {@link userCount} users, made from a seed and
 * the same every time. Room 1001 is live, user 2001 is a vip with equity in every room, user 2002 has none anywhere: examples
 * and tests may count on these. Change anything here, and `Database.version` with it.
 */
import * as Prng from "./Prng.ts"
import * as Words from "./Words.ts"

export const roomCount = 400
export const userCount = 4000

export interface Version {
  readonly platform: string
  readonly latest: string
  readonly minimum: string
  readonly features: ReadonlyArray<string>
}

export interface User {
  readonly userId: string
  readonly nickname: string
  readonly level: number
  readonly avatarUrl: string
}

export interface Room {
  readonly roomId: string
  readonly title: string
  readonly status: "live" | "offline" | "banned"
  readonly anchorId: string
  readonly coverUrl: string
  readonly startedAt: string | null
  readonly streams: ReadonlyArray<{ readonly protocol: string; readonly quality: string; readonly url: string }>
  readonly viewers: number
  readonly likes: number
  readonly gifts: number
}

export interface Equity {
  readonly userId: string
  readonly roomId: string
  readonly vip: boolean
  readonly badges: ReadonlyArray<string>
  readonly coins: number
  readonly privileges: ReadonlyArray<string>
}

export interface Seed {
  readonly versions: ReadonlyArray<Version>
  readonly users: ReadonlyArray<User>
  readonly rooms: ReadonlyArray<Room>
  readonly equities: ReadonlyArray<Equity>
}

/** Makes the whole of it; the same at every call. */
export const make = (): Seed => {
  const prng = Prng.make(0x9047_1c0)
  const people = Array.from({ length: userCount }, (_, index) => person(prng, 2001 + index))
  const users = people.map(({ user }) => user)
  // 7 and the number of users have no common divisor, so no two rooms have the same anchor.
  const anchors = Array.from({ length: roomCount }, (_, index) => people[(index * 7 + 9) % userCount] ?? nobody)
  const rooms = anchors.map((anchor, index) => room(prng, 1001 + index, anchor))
  return { versions, users, rooms, equities: users.flatMap((user, index) => equities(prng, user, index)) }
}

const versions: ReadonlyArray<Version> = [
  {
    platform: "web",
    latest: "5.14.2",
    minimum: "5.0.0",
    features: ["danmaku", "co-stream", "pip", "webrtc-low-latency"]
  },
  { platform: "ios", latest: "9.3.0", minimum: "8.6.0", features: ["danmaku", "co-stream", "pip", "live-activity"] },
  {
    platform: "android",
    latest: "9.2.4",
    minimum: "8.4.1",
    features: ["danmaku", "co-stream", "pip", "background-audio"]
  }
]

const spoken = Words.languages.flatMap((language) => Array.from({ length: language.weight }, () => language))
const silent: Words.Language = { code: "", weight: 0, first: [], last: [], joint: "", titles: [] }

interface Person {
  readonly user: User
  readonly language: Words.Language
}

const nobody: Person = { user: { userId: "2001", nickname: "", level: 1, avatarUrl: "" }, language: silent }

const person = (prng: Prng.Prng, id: number): Person => {
  const language = Prng.pick(prng, spoken, silent)
  const user = {
    userId: String(id),
    nickname: nickname(prng, language),
    // Most people are new, few are old hands: the square of an even draw.
    level: 1 + Math.floor(Prng.next(prng) ** 2 * 79),
    avatarUrl: `https://img.portico.example/avatars/${id}.webp`
  }
  return { user, language }
}

const nickname = (prng: Prng.Prng, language: Words.Language): string => {
  const name = Prng.pick(prng, language.first, "user") + language.joint + Prng.pick(prng, language.last, "")
  const number = Prng.chance(prng, 0.2) ? String(Prng.integer(prng, 1, 999)) : ""
  const ornament = Prng.chance(prng, 0.15) ? Prng.pick(prng, Words.ornaments, "") : ""
  return name + number + ornament
}

/** In the anchor's language; some sign their rooms, some count them. */
const title = (prng: Prng.Prng, { user, language }: Person): string => {
  const topic = Prng.pick(prng, language.titles, "Live")
  const draw = Prng.next(prng)
  return draw < 0.45 ? `${topic} · ${user.nickname}` : draw < 0.7 ? `${topic} #${Prng.integer(prng, 2, 300)}` : topic
}

const room = (prng: Prng.Prng, id: number, anchor: Person): Room => {
  const status = statusOf(Prng.next(prng), id)
  const live = status === "live"
  // A few rooms are huge and most are small, as everywhere.
  const size = Math.floor(8 * Math.exp(Prng.next(prng) * 9.2))
  const startedAt = new Date(newYear - Prng.integer(prng, 1, 6 * 3600) * 1000).toISOString()
  const hd = Prng.chance(prng, 0.6)
  return {
    roomId: String(id),
    title: title(prng, anchor),
    status,
    anchorId: anchor.user.userId,
    coverUrl: `https://img.portico.example/covers/${id}.webp`,
    startedAt: live ? startedAt : null,
    streams: live ? streams(id, hd) : [],
    viewers: live ? size : 0,
    likes: status === "banned" ? 0 : size * Prng.integer(prng, 3, 40),
    gifts: status === "banned" ? 0 : Math.floor(size * Prng.next(prng) * 1.5)
  }
}

const newYear = Date.UTC(2026, 0, 1, 12)

const statusOf = (draw: number, id: number): Room["status"] =>
  id === 1001 || draw < 0.62 ? "live" : draw < 0.96 ? "offline" : "banned"

const streams = (id: number, hd: boolean): Room["streams"] => [
  { protocol: "webrtc", quality: "720p", url: `https://rtc.portico.example/whep/${id}` },
  { protocol: "flv", quality: "720p", url: `https://pull.portico.example/live/${id}_720p.flv` },
  { protocol: "hls", quality: "720p", url: `https://pull.portico.example/live/${id}_720p/index.m3u8` },
  ...(hd
    ? [{ protocol: "hls", quality: "1080p", url: `https://pull.portico.example/live/${id}_1080p/index.m3u8` }]
    : [])
]

/**
 * A fifth of the users are vip, with equity in several rooms (the first user in all); of the plain ones some have a little,
 * and most none (the second user never).
 */
const equities = (prng: Prng.Prng, user: User, index: number): ReadonlyArray<Equity> => {
  const vip = index === 0 || (index !== 1 && Prng.chance(prng, 0.2))
  if (!vip && (index === 1 || !Prng.chance(prng, 0.3))) return []
  const first = index === 0 ? 0 : Prng.integer(prng, 0, roomCount - 1)
  const count = index === 0 ? roomCount : vip ? Prng.integer(prng, 2, 6) : 1
  // 61 and the number of rooms have no common divisor, so no room comes twice.
  return Array.from({ length: count }, (_, nth) => ({
    userId: user.userId,
    roomId: String(1001 + ((first + nth * 61) % roomCount)),
    vip,
    badges: Prng.some(prng, Words.badges, vip ? Prng.integer(prng, 1, 4) : Prng.integer(prng, 0, 1)),
    coins: Math.floor(Prng.next(prng) ** 3 * (vip ? 50_000 : 500)),
    privileges: vip ? Prng.some(prng, Words.privileges, Prng.integer(prng, 2, 5)) : []
  }))
}
