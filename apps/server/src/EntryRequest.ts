/** What a request for an entry asks for, in the domain's own types, or what is wrong with it. Nothing is fetched for a bad one. */
import * as RoomEntry from "@portico/room/RoomEntry"
import { RoomId } from "@portico/room/RoomId"
import { UserId } from "@portico/room/UserId"
import { Platform } from "@portico/room/Version"
import { Schema } from "effect"

/** Who wants in, and how the five are to be combined. */
export interface EntryRequest {
  readonly mode: RoomEntry.Mode
  readonly viewer: RoomEntry.Viewer
}

/** What is wrong, in a sentence for whoever asked. */
export interface Bad {
  readonly detail: string
}

export const badRoomId = "The room id should be 1 to 64 of A-Z a-z 0-9 _ -"

const isRoomId = Schema.is(RoomId)
const isUserId = Schema.is(UserId)
const isMode = Schema.is(RoomEntry.Mode)
const isPlatform = Schema.is(Platform)

/** Reads the room's id, the query of `url`, and the subject, who is undefined for a guest. */
export const decode = (roomId: string | undefined, url: string, userId: string | undefined): EntryRequest | Bad => {
  const query = queryOf(url)
  const mode = query === undefined ? "degrade" : single(query, "mode", "degrade")
  const platform = query === undefined ? "web" : single(query, "platform", "web")
  if (!isRoomId(roomId)) return { detail: badRoomId }
  if (userId !== undefined && !isUserId(userId)) return { detail: "The user id should be 1 to 64 of A-Z a-z 0-9 _ -" }
  if (!isMode(mode)) return { detail: "The mode should be failfast, settle, degrade or serial." }
  if (!isPlatform(platform)) return { detail: "The platform should be web, ios or android." }
  return { mode, viewer: { roomId, userId, platform } }
}

const queryOf = (url: string): URLSearchParams | undefined => {
  const start = url.indexOf("?")
  return start < 0 ? undefined : new URLSearchParams(url.slice(start + 1))
}

/** The one value of a name; undefined where it is given twice, which is as bad as a wrong one. */
const single = (query: URLSearchParams, name: string, otherwise: string): string | undefined => {
  const values = query.getAll(name)
  return values.length > 1 ? undefined : (values[0] ?? otherwise)
}
