/** Free ports, below those that the kernel gives to outgoing connections. */
import { createServer } from "node:net"
import { Effect } from "effect"
import { BenchError } from "./BenchError.ts"

const isFree = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resume(Effect.succeed(true))))
  })

let next = 20_000 + (process.pid % 4_000)

export const freePort: Effect.Effect<number, BenchError> = Effect.gen(function* () {
  for (let tries = 0; tries < 2_000; tries++) {
    next = next >= 32_000 ? 20_000 : next + 1
    const port = next
    if (yield* isFree(port)) return port
  }
  return yield* new BenchError({ message: "no free port between 20000 and 32000" })
})

export const freePorts = (count: number) =>
  Effect.all(
    Array.from({ length: count }, () => freePort),
    { concurrency: 1 }
  )
