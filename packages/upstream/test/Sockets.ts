/** What tests on real sockets share: a server that goes with the test, and waiting for what the other side does. */
import type { Server as HttpServer } from "node:http"
import type { Server } from "node:net"
import { assert } from "@effect/vitest"
import { Effect } from "effect"

/** Waits for what sockets do. */
export const until = (holds: () => boolean) =>
  Effect.gen(function* () {
    for (let turn = 0; turn < 10_000 && !holds(); turn++) yield* Effect.sleep("1 millis")
    assert.isTrue(holds(), `in time: ${holds.toString()}`)
  })

export const portOf = (server: Server) => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** A server until the scope closes, and its port. */
export const listening = <S extends Server & Partial<Pick<HttpServer, "closeAllConnections">>>(
  make: () => S,
  host = "127.0.0.1"
) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly server: S; readonly port: number }>((resume) => {
      const server = make()
      server.listen(0, host, () => resume(Effect.succeed({ server, port: portOf(server) })))
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections?.()
      })
  )
