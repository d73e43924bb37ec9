/** What the five upstreams answer, as Effect schemas. */
import { Schema } from "effect"

export const Version = Schema.Struct({
  latest: Schema.String,
  minimum: Schema.String,
  features: Schema.Array(Schema.String)
})

export const Live = Schema.Struct({
  roomId: Schema.String,
  title: Schema.String,
  status: Schema.Literals(["live", "offline", "banned"]),
  anchorId: Schema.String,
  coverUrl: Schema.String,
  startedAt: Schema.String,
  streams: Schema.Array(Schema.Struct({ protocol: Schema.String, quality: Schema.String, url: Schema.String }))
})

export const User = Schema.Struct({
  userId: Schema.String,
  nickname: Schema.String,
  level: Schema.Int,
  avatarUrl: Schema.String
})

export const Equity = Schema.Struct({
  userId: Schema.String,
  vip: Schema.Boolean,
  badges: Schema.Array(Schema.String),
  coins: Schema.Int,
  privileges: Schema.Array(Schema.String)
})

export const Statistics = Schema.Struct({
  roomId: Schema.String,
  viewers: Schema.Int,
  likes: Schema.Int,
  gifts: Schema.Int
})
