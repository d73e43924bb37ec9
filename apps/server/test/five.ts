/** The service in this process over five scripted upstreams, each on its own, with every policy as it starts with. */
import { assert } from "@effect/vitest"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import * as Faults from "@portico/testing/Faults"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Transport } from "@portico/upstream/Transport"
import { Context, Duration, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import * as Server from "../src/Server.ts"
import { eventually, get, good } from "./fixture.ts"
import * as Watch from "./watch.ts"

/** Milliseconds. Two attempts and the pause between them fit into the deadline, with time to spare for a busy machine. */
export interface Limits {
  readonly attempt: number
  readonly deadline: number
}

export interface Service extends Limits {
  readonly url: string
  readonly upstreams: Upstreams
  /** Waits until nothing is under way in it. */
  readonly rests: Effect.Effect<void, unknown>
}

export type Upstreams = Readonly<Record<RoomUpstreams.Name, ScriptedServer.ScriptedServer>>

/** What a machine that others use too may be late by, in milliseconds. */
export const slack = 400

// Each has an answer of its own in the version's cache, and a call of its own.
export const platforms = ["web", "ios", "android"] as const

export const well = Faults.healthy(good)

/** Runs the service over five well upstreams; when it has ended, no fiber, no alarm and no connection of it is left. */
export const overFive = <E, R>(
  watch: Watch.Watch,
  limits: Limits,
  use: (service: Service) => Effect.Effect<void, E, R>
) =>
  Effect.gen(function* () {
    // They outlive the service, and see what it leaves open.
    const upstreams: Upstreams = {
      version: yield* ScriptedServer.make(well),
      live: yield* ScriptedServer.make(well),
      user: yield* ScriptedServer.make(well),
      equity: yield* ScriptedServer.make(well),
      statistics: yield* ScriptedServer.make(well)
    }
    const before = watch.fibers()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const url = yield* serve(upstreams, limits)
        const rests = Watch.resting(watch, watch.fibers())
        yield* use({ ...limits, url, upstreams, rests })
        yield* rests
      })
    )
    yield* eventually(() => all(upstreams).every(({ open }) => open() === 0))
    yield* Watch.resting(watch, before)
  })

export const all = (upstreams: Upstreams) => RoomUpstreams.names.map((name) => upstreams[name])

const serve = (upstreams: Upstreams, { attempt, deadline }: Limits) =>
  Effect.gen(function* () {
    const endpoint = (name: RoomUpstreams.Name) => ({
      baseUrl: upstreams[name].url,
      timeout: Duration.millis(attempt),
      maxResponse: 10_000
    })
    const endpoints = {
      version: endpoint("version"),
      live: endpoint("live"),
      user: endpoint("user"),
      equity: endpoint("equity"),
      statistics: endpoint("statistics")
    }
    const settings = {
      host: "127.0.0.1",
      port: 0,
      entryDeadline: Duration.millis(deadline),
      drain: Duration.millis(500)
    }
    const context = yield* Layer.build(
      Server.layer(settings).pipe(Layer.provide(RoomUpstreams.layer(endpoints)), Layer.provide(Transport.layer))
    )
    return HttpServer.formatAddress(Context.get(context, HttpServer.HttpServer).address)
  })

export interface Viewer {
  readonly roomId: string
  readonly userId: string
}

let viewers = 0

/** A user in a room, neither of which any cache knows. */
export const newcomer = (): Viewer => {
  viewers++
  return { roomId: `r${viewers}`, userId: `u${viewers}` }
}

/** Enters, and sees that the answer comes in time. */
export const enter = (
  { url, deadline }: Service,
  mode: "failfast" | "settle" | "degrade",
  platform: (typeof platforms)[number] = "web",
  viewer = newcomer()
) =>
  Effect.gen(function* () {
    const before = performance.now()
    const path = `/v1/rooms/${viewer.roomId}/entry?mode=${mode}&platform=${platform}`
    const answer = yield* get(url + path, { "x-user-id": viewer.userId })
    assert.isBelow(performance.now() - before, deadline + slack, `${mode} in time`)
    return { answer, viewer }
  })

/** Three entries at once that share nothing, so that each upstream gets three calls. */
export const enterThrice = (service: Service, mode: "settle" | "degrade") =>
  Effect.forEach(platforms, (platform) => enter(service, mode, platform), { concurrency: "unbounded" })
