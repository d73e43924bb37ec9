/** What the contract of each of the room's upstreams is checked with: its own way of being asked, and ids to ask for. */
import { Equity, UserEquity } from "@portico/room/Equity"
import { Live, LiveRoom } from "@portico/room/Live"
import type { RoomId } from "@portico/room/RoomId"
import type * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { RoomStatistics, Statistics } from "@portico/room/Statistics"
import { User, UserProfile } from "@portico/room/User"
import type { UserId } from "@portico/room/UserId"
import { Version, VersionInfo } from "@portico/room/Version"
import * as Contract from "@portico/testing/Contract"
import type { Transport } from "@portico/upstream/Transport"
import type { Duration, Effect } from "effect"

/** Where the service is, what it is asked for, and whether it has a batch form. */
interface Options {
  readonly baseUrl: URL
  /** The limit of one request. */
  readonly timeout: Duration.Duration
  readonly batch: boolean
  readonly rooms: readonly [RoomId, ...ReadonlyArray<RoomId>]
  readonly users: readonly [UserId, ...ReadonlyArray<UserId>]
  readonly noRoom: RoomId
  readonly noUser: UserId
}

/** How the contract of one upstream is checked. */
export interface Check {
  (options: Options): Effect.Effect<Contract.Report, never, Transport>
}

const endpoint = ({ baseUrl, timeout, batch }: Options) => ({ baseUrl, timeout, batch, maxResponse: 262_144 })

/** Every upstream of a room. */
export const checks: Readonly<Record<RoomUpstreams.Name, Check>> = {
  version: (options) =>
    Contract.check({
      upstream: Version,
      output: VersionInfo,
      http: Version.http(endpoint(options)),
      known: [{ platform: "web" }, { platform: "ios" }, { platform: "android" }]
    }),

  live: (options) => {
    const { rooms, noRoom } = options
    return Contract.check({
      upstream: Live,
      output: LiveRoom,
      http: Live.http(endpoint(options)),
      known: map(rooms, (roomId) => ({ roomId })),
      unknown: [{ roomId: noRoom }],
      about: ({ roomId }, room) => room.roomId === roomId
    })
  },

  user: (options) => {
    const { users, noUser } = options
    return Contract.check({
      upstream: User,
      output: UserProfile,
      http: User.http(endpoint(options)),
      known: map(users, (userId) => ({ userId })),
      unknown: [{ userId: noUser }],
      about: ({ userId }, profile) => profile.userId === userId
    })
  },

  equity: (options) => {
    const {
      rooms: [roomId],
      users,
      noUser
    } = options
    return Contract.check({
      upstream: Equity,
      output: UserEquity,
      http: Equity.http(endpoint(options)),
      known: map(users, (userId) => ({ userId, roomId })),
      unknown: [{ userId: noUser, roomId }],
      about: ({ userId }, equity) => equity.userId === userId
    })
  },

  statistics: (options) => {
    const { rooms, noRoom } = options
    return Contract.check({
      upstream: Statistics,
      output: RoomStatistics,
      http: Statistics.http(endpoint(options)),
      known: map(rooms, (roomId) => ({ roomId })),
      unknown: [{ roomId: noRoom }],
      about: ({ roomId }, statistics) => statistics.roomId === roomId
    })
  }
}

const map = <A, B>([first, ...rest]: readonly [A, ...ReadonlyArray<A>], f: (a: A) => B): readonly [B, ...Array<B>] => [
  f(first),
  ...rest.map(f)
]
