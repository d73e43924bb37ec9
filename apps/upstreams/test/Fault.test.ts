import { createServer } from "node:http"
import { networkInterfaces } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Deferred, Duration, Effect, Fiber, Logger, Random, Schema } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { TestClock } from "effect/testing"
import * as Admin from "../src/Admin.ts"
import * as Answer from "../src/Answer.ts"
import * as Fault from "../src/Fault.ts"
import * as Service from "../src/Service.ts"
import { SqliteError } from "../src/Sqlite.ts"
import { complaint, get, put, took, upstreams } from "./fixture.ts"

const request = HttpServerRequest.fromWeb(new Request("http://upstream/"))
const ok = Effect.succeed(Answer.json("{}"))

const struck = (fault: Fault.Fault) =>
  Effect.provideService(Fault.strike(fault, ok), HttpServerRequest.HttpServerRequest, request)

const serving = (answer: Service.Route["answer"], fault = Fault.make({ min: 0, max: 0 })) =>
  Effect.gen(function* () {
    const server = yield* NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
    yield* Service.serve(server, yield* Service.make([{ path: "/thing", answer }], fault))
    return server.address._tag === "UnixPathAddress" ? "" : `http://127.0.0.1:${server.address.port}`
  })

describe("strike", () => {
  it.effect("answers after the latency, by the Clock", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(struck(Fault.make({ min: 40, max: 40 })))
      yield* TestClock.adjust("39 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    })
  )

  it.effect("strikes the share it was told to", () =>
    Effect.gen(function* () {
      const fault = Fault.make({ min: 0, max: 0 })
      Fault.set(fault, { kind: "status", status: 503, rate: 0.3 }, 0)
      const answers = yield* Effect.all(Array.from({ length: 2000 }, () => struck(fault)))
      const share =
        answers.filter((answer: HttpServerResponse.HttpServerResponse) => answer.status === 503).length / 2000
      assert.isTrue(share > 0.25 && share < 0.35, String(share))
    }).pipe(Random.withSeed("share"))
  )

  it.effect("heals by itself after a while", () =>
    Effect.gen(function* () {
      const fault = Fault.make({ min: 0, max: 0 })
      Fault.set(fault, { kind: "status", status: 500, for: Duration.seconds(30) }, 0)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual((yield* struck(fault)).status, 500)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* struck(fault)).status, 200)
      assert.strictEqual(fault.order.kind, "none")
    })
  )
})

describe("a fault on the wire", () => {
  it.live("slow answers late, and heals", () =>
    Effect.gen(function* () {
      const { live, user } = yield* upstreams()
      const set = yield* put(live, { kind: "slow", latency: { min: 150, max: 200 } })
      assert.deepStrictEqual(set.body, {
        kind: "slow",
        latency: { min: 150, max: 200 },
        rate: 1,
        usualLatency: { min: 0, max: 0 }
      })
      const [late, answer] = yield* took(get(`${live}/rooms/1001`))
      assert.isAtLeast(late, 149)
      assert.strictEqual(answer.status, 200)
      // The others, and the admin route itself, are not struck.
      assert.isBelow((yield* took(get(`${user}/users/2001`)))[0], 140)
      const healed = yield* get(`${live}/admin/fault`, { method: "DELETE" })
      assert.deepStrictEqual(healed.body, { kind: "none", usualLatency: { min: 0, max: 0 } })
      assert.isBelow((yield* took(get(`${live}/rooms/1001`)))[0], 140)
    })
  )

  it.live("status answers with it, and with Retry-After where told to", () =>
    Effect.gen(function* () {
      const { equity } = yield* upstreams()
      yield* put(equity, { kind: "status", status: 503, retryAfter: 2 })
      const got = yield* get(`${equity}/users/2001/equity?roomId=1001`)
      assert.strictEqual(got.status, 503)
      assert.strictEqual(got.headers.get("retry-after"), "2")
      assert.match(yield* complaint(got), /told to fail with 503/)
      yield* put(equity, { kind: "status", status: 429 })
      const other = yield* get(`${equity}/users/2001/equity?roomId=1001`)
      assert.strictEqual(other.status, 429)
      assert.isNull(other.headers.get("retry-after"))
      assert.strictEqual((yield* get(`${equity}/admin/fault`)).status, 200)
      yield* put(equity, { kind: "none" })
      assert.strictEqual((yield* get(`${equity}/users/2001/equity?roomId=1001`)).status, 200)
    })
  )

  it.live("reset ends the connection", () =>
    Effect.gen(function* () {
      const { statistics } = yield* upstreams()
      yield* put(statistics, { kind: "reset" })
      const error = yield* Effect.flip(get(`${statistics}/rooms/1001/statistics`))
      assert.nestedPropertyVal(error.cause, "cause.code", "ECONNRESET")
    })
  )

  it.live("hang never answers, until the client leaves or the upstream is healed for the next", () =>
    Effect.gen(function* () {
      const { version } = yield* upstreams()
      yield* put(version, { kind: "hang" })
      const gone = yield* get(`${version}/version?platform=web`).pipe(Effect.timeoutOption("200 millis"))
      assert.strictEqual(gone._tag, "None")
      yield* put(version, { kind: "none" })
      assert.strictEqual((yield* get(`${version}/version?platform=web`)).status, 200)
    })
  )

  it.live("with a rate it strikes some", () =>
    Effect.gen(function* () {
      const { user } = yield* upstreams()
      yield* put(user, { kind: "status", status: 500, rate: 0.5 })
      const all = yield* Effect.all(
        Array.from({ length: 60 }, () => get(`${user}/users/2001`)),
        { concurrency: 10 }
      )
      assert.deepStrictEqual(new Set(all.map((got) => got.status)), new Set([200, 500]))
    })
  )

  it.live("with a while it shows how long it still lasts", () =>
    Effect.gen(function* () {
      const { user } = yield* upstreams()
      const { body } = yield* put(user, { kind: "hang", for: "30 seconds" })
      const { remainingMs } = yield* Schema.decodeUnknownEffect(Schema.Struct({ remainingMs: Schema.Finite }))(body)
      assert.isTrue(remainingMs > 25_000 && remainingMs <= 30_000)
    })
  )
})

describe("the client's leaving", () => {
  it.live("interrupts the handler", () =>
    Effect.gen(function* () {
      const [began, ended] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      const url = yield* serving(() =>
        Deferred.succeed(began, undefined).pipe(
          Effect.andThen(Effect.never),
          Effect.onInterrupt(() => Deferred.succeed(ended, undefined))
        )
      )
      const client = yield* Effect.forkChild(get(`${url}/thing`))
      yield* Deferred.await(began)
      yield* Fiber.interrupt(client)
      yield* Deferred.await(ended).pipe(Effect.timeout("5 seconds"))
    })
  )

  it.live("ends the wait, so that the answer is never made", () =>
    Effect.gen(function* () {
      let made = 0
      const url = yield* serving(
        () => Effect.sync(() => (made++, Answer.json("{}"))),
        Fault.make({ min: 150, max: 150 })
      )
      yield* get(`${url}/thing`).pipe(Effect.timeoutOption("50 millis"))
      yield* Effect.sleep("250 millis")
      assert.strictEqual(made, 0)
    })
  )
})

describe("Service", () => {
  it.live("answers 500 without internals when a statement fails", () =>
    Effect.gen(function* () {
      const failed = new SqliteError({
        operation: "query",
        code: 11,
        cause: new Error("database disk image is malformed")
      })
      const got = yield* get(`${yield* serving(() => Effect.fail(failed))}/thing`)
      assert.strictEqual(got.status, 500)
      assert.deepStrictEqual(got.body, { error: "internal error" })
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("/admin/fault", () => {
  it.live("says what a body should be", () =>
    Effect.gen(function* () {
      const { live } = yield* upstreams()
      for (const order of [
        "",
        "{",
        "null",
        { kind: "explode" },
        { kind: "slow" },
        { kind: "slow", latency: { min: 5, max: 1 } },
        { kind: "slow", latency: { min: -5, max: 1 } },
        { kind: "status" },
        { kind: "status", status: 200 },
        { kind: "status", status: 503, retryAfter: 1.5 },
        { kind: "hang", rate: 2 },
        { kind: "hang", rte: 0.5 },
        { kind: "hang", for: "a while" },
        `{"kind":"hang"${" ".repeat(5000)}}`
      ]) {
        const got = yield* put(live, order)
        assert.strictEqual(got.status, 400, JSON.stringify(order))
        assert.match(yield* complaint(got), /the body should be one of .*"kind":"slow"/)
      }
      assert.propertyVal((yield* get(`${live}/admin/fault`)).body, "kind", "none")
    })
  )

  it("knows this machine by the address of the peer", () => {
    for (const address of ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
      assert.isTrue(Admin.isLoopback(address))
    for (const address of ["", "10.0.0.1", "1127.0.0.1", "127.0.0.1.example", "::ffff:10.0.0.1", "::", "fe80::1"]) {
      assert.isFalse(Admin.isLoopback(address), address)
    }
  })

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => address.family === "IPv4" && !address.internal)?.address

  it.live.skipIf(outside === undefined)("is refused to who comes from elsewhere", () =>
    Effect.gen(function* () {
      const { live } = yield* upstreams({ host: "0.0.0.0" })
      const url = live.replace("0.0.0.0", outside ?? "")
      const got = yield* put(url, { kind: "hang" })
      assert.strictEqual(got.status, 403)
      assert.match(yield* complaint(got), /only for this machine/)
      assert.strictEqual((yield* get(`${url}/rooms/1001`)).status, 200)
    })
  )
})
