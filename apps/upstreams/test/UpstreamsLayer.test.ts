import { createServer, type AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import * as Upstreams from "../src/Upstreams.ts"
import { folder, get, took, upstreams } from "./fixture.ts"

describe("Upstreams.layer", () => {
  it.live("says which port is taken", () =>
    Effect.gen(function* () {
      const other = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { port } = other.address() as AddressInfo
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(Upstreams.layer({ data: yield* folder, ports: { user: port } })))
      )
      assert.strictEqual(error.reason, "PortTaken")
      assert.match(error.message, new RegExp(`user cannot listen on 127.0.0.1:${port}.*another port`))
    })
  )

  it.live("says what is wrong with a host", () =>
    Effect.gen(function* () {
      const options = { data: yield* folder, host: "192.0.2.1" }
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Upstreams.layer(options))))
      assert.strictEqual(error.reason, "Listen")
    })
  )

  it.live("two at once on one folder both serve", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const both = yield* Effect.all([upstreams({ data }), upstreams({ data })], { concurrency: "unbounded" })
      for (const urls of both) assert.strictEqual((yield* get(`${urls.live}/rooms/1001`)).status, 200)
    })
  )

  it.live("answers with the latency it was given", () =>
    Effect.gen(function* () {
      const urls = yield* upstreams({ latency: { min: 80, max: 120 } })
      const [millis] = yield* took(get(`${urls.live}/rooms/1001`))
      assert.isAtLeast(millis, 79)
    })
  )

  it.live("ends soon though a request hangs", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const urls = yield* Scope.provide(upstreams({ latency: { min: 600_000, max: 600_000 } }), scope)
      const requests = yield* Effect.forkChild(
        Effect.forEach([`${urls.live}/rooms/1001`, `${urls.user}/users/2001`], (url) => Effect.exit(get(url)), {
          concurrency: "unbounded"
        })
      )
      yield* Effect.sleep("100 millis")
      const [millis] = yield* took(Scope.close(scope, Exit.void))
      assert.isBelow(millis, 2000)
      requests.interruptUnsafe()
    })
  )
})
