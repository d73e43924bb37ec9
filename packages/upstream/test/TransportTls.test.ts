/** The wire over TLS on real sockets: whom it speaks to, and when its connections end. */
import * as Http from "node:http"
import * as Https from "node:https"
import * as Tls from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { listening, until } from "./Sockets.ts"
import { connect, get, post, why } from "./TransportAsking.ts"

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvj98CWT9pUg9TzVV
omwg4NjuGDxr6R0R2bgZaq3O3DuhRANCAATjx0WT/0xNTO0PiEBFF3LaOP4QgR3o
qPeP6unH1Whz5ot6pim5rl4ZMXfNL4DXwXyL0zKcH2XVixRIFAGJiP11
-----END PRIVATE KEY-----`
const cert = `-----BEGIN CERTIFICATE-----
MIIBpDCCAUmgAwIBAgIUcItoWNlaF7dCv3VKUMF8iTcfQPowCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNdXBzdHJlYW0udGVzdDAgFw0yNjExMjQxMjA5MTdaGA8yMTI2
MTAzMTEyMDkxN1owGDEWMBQGA1UEAwwNdXBzdHJlYW0udGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABOPHRZP/TE1M7Q+IQEUXcto4/hCBHeio94/q6cfVaHPm
i3qmKbmuXhkxd80vgNfBfIvTMpwfZdWLFEgUAYmI/XWjbzBtMB0GA1UdDgQWBBRv
9Vt/n7+3yLos/1gyKc1SiSXDZDAfBgNVHSMEGDAWgBRv9Vt/n7+3yLos/1gyKc1S
iSXDZDAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAA
ATAKBggqhkjOPQQDAgNJADBGAiEAjTDAOX+t306n8THxYIzxg490tS32rJsJk25N
LXhhURYCIQCRlro27yvi+7D5LmdMXRMTbba5AQGoQCFMt8adWrx6HA==
-----END CERTIFICATE-----`

describe("over TLS", () => {
  /** Says how many connections it has seen; "/hang" it leaves without an answer. */
  const secure = (host?: string) =>
    Effect.gen(function* () {
      let open = 0
      const seen = new Set<unknown>()
      const { server, port } = yield* listening(
        () =>
          Https.createServer({ key, cert }, (request, response) => {
            seen.add(request.socket)
            if (request.url !== "/hang") response.end(String(seen.size))
          }),
        host
      )
      server.on("secureConnection", (socket) => {
        open++
        socket.on("close", () => open--)
      })
      return { port, open: () => open, seen }
    })

  const trusting = Effect.acquireRelease(
    Effect.sync(() => {
      const before = Tls.getCACertificates("default")
      Tls.setDefaultCACertificates([...before, cert])
      return before
    }),
    (before) => Effect.sync(() => Tls.setDefaultCACertificates(before))
  )

  it.live("a peer that nobody vouches for is not spoken to", () =>
    Effect.gen(function* () {
      const { port, seen } = yield* secure()
      for (const host of ["localhost", "127.0.0.1"]) {
        const wire = yield* connect(new URL(`https://${host}:${port}`))
        assert.strictEqual(yield* why(get(wire, "/")), "Unreachable: tls")
      }
      assert.strictEqual(seen.size, 0)
    })
  )

  it.live("nor is one with a certificate for another name", () =>
    Effect.gen(function* () {
      yield* trusting
      const { port, seen } = yield* secure("127.0.0.2")
      const wire = yield* connect(new URL(`https://127.0.0.2:${port}`))
      assert.strictEqual(yield* why(get(wire, "/")), "Unreachable: tls")
      assert.strictEqual(seen.size, 0)
    })
  )

  it.live("nor is one that does not speak it", () =>
    Effect.gen(function* () {
      const { port } = yield* listening(() => Http.createServer((_, response) => response.end()))
      const wire = yield* connect(new URL(`https://127.0.0.1:${port}`))
      assert.strictEqual(yield* why(get(wire, "/")), "Unreachable: tls")
    })
  )

  for (const host of ["localhost", "127.0.0.1"]) {
    it.live(`one connection to ${host} carries many requests`, () =>
      Effect.gen(function* () {
        yield* trusting
        const { port } = yield* secure()
        const wire = yield* connect(new URL(`https://${host}:${port}`))
        for (let nth = 0; nth < 5; nth++) assert.strictEqual((yield* get(wire, "/")).body, "1")
        assert.strictEqual((yield* post(wire, "/", "ü".repeat(100_000))).body, "1")
      })
    )
  }

  it.live("a request that is ended closes its connection, and the scope the rest", () =>
    Effect.gen(function* () {
      yield* trusting
      const { port, open, seen } = yield* secure()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const wire = yield* connect(new URL(`https://127.0.0.1:${port}`))
          const hanging = yield* Effect.forkChild(get(wire, "/hang"))
          yield* until(() => seen.size === 1)
          yield* get(wire, "/")
          assert.strictEqual(open(), 2)
          yield* Fiber.interrupt(hanging)
          yield* until(() => open() === 1)
          assert.isTrue(Exit.isSuccess(yield* Effect.exit(get(wire, "/"))))
          assert.strictEqual(seen.size, 2)
        })
      )
      yield* until(() => open() === 0)
    })
  )
})
