/** The five upstreams of a room, as one layer over their endpoints. */
import type { Transport } from "@portico/upstream/Transport"
import { Layer } from "effect"
import type { Endpoint } from "./Endpoint.ts"
import { Equity } from "./Equity.ts"
import { Live } from "./Live.ts"
import { Statistics } from "./Statistics.ts"
import { User } from "./User.ts"
import { Version } from "./Version.ts"

/** The upstreams' names, in the order in which an entry shows them. */
export const names = ["version", "live", "user", "equity", "statistics"] as const
/** The name of one of the five. */
export type Name = (typeof names)[number]

/** What an entry needs: all five. */
export type RoomUpstreams = Version | Live | User | Equity | Statistics

/** The real ones, each with its policies, at their endpoints. */
export const layer = (endpoints: Readonly<Record<Name, Endpoint>>): Layer.Layer<RoomUpstreams, never, Transport> =>
  Layer.mergeAll(
    Version.layer(endpoints.version),
    Live.layer(endpoints.live),
    User.layer(endpoints.user),
    Equity.layer(endpoints.equity),
    Statistics.layer(endpoints.statistics)
  )
