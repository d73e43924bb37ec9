/** What examples, and whoever embeds the five, count on. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import * as Admin from "../src/Admin.ts"
import * as Fault from "../src/Fault.ts"
import * as Latency from "../src/Latency.ts"
import * as Seed from "../src/Seed.ts"
import { upstreams } from "./fixture.ts"

describe("promises", () => {
  it("the first user is a vip in every room, and titles are seldom the same", () => {
    const seed = Seed.make()
    const first = seed.equities.filter(({ userId, vip }) => userId === "2001" && vip)
    assert.strictEqual(new Set(first.map(({ roomId }) => roomId)).size, Seed.roomCount)
    assert.isAbove(new Set(seed.rooms.map(({ title }) => title)).size, 300)
  })

  it.live("a port that there is not is an error of the start", () =>
    Effect.gen(function* () {
      for (const port of [-1, 70_000, 1.5]) {
        const error = yield* Effect.flip(upstreams({ ports: { live: port } }))
        assert.strictEqual(error.reason, "Listen")
        assert.include(error.message, `live cannot listen on port ${port}`)
      }
    })
  )

  it.effect("a header makes nobody local", () =>
    Effect.gen(function* () {
      const fault = Fault.make(Latency.none)
      const { PUT } = Admin.handlers(fault)
      const put = (address: Option.Option<string>) => {
        const headers = { "x-forwarded-for": "127.0.0.1" }
        const web = new Request("http://127.0.0.1/admin/fault", { method: "PUT", body: '{"kind":"hang"}', headers })
        const request = HttpServerRequest.fromWeb(web).modify({ remoteAddress: address, peerAddress: address })
        return Effect.provideService(PUT, HttpServerRequest.HttpServerRequest, request)
      }
      assert.strictEqual((yield* put(Option.none())).status, 403)
      assert.strictEqual((yield* put(Option.some("192.168.1.7"))).status, 403)
      assert.strictEqual(fault.order.kind, "none")
      assert.strictEqual((yield* put(Option.some("127.0.0.1"))).status, 200)
      assert.strictEqual(fault.order.kind, "hang")
    })
  )
})
