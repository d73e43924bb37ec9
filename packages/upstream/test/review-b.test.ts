import { createServer, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Http1Pool } from "../src/internal/Http1Pool.ts"
import { Http1Response } from "../src/internal/Http1Response.ts"
import { listening } from "./Sockets.ts"

const rng = (seed: number) => () => {
  seed = (seed * 1664525 + 1013904223) >>> 0
  return seed / 2 ** 32
}
const answers = (p: string): Array<string> => [
  `HTTP/1.1 200 OK\r\ncontent-length: ${p.length}\r\n\r\n${p}`,
  `HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: ${p.length}\r\n\r\n${p}`,
  `HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${p.length.toString(16)}\r\n${p}\r\n0\r\n\r\n`,
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n${p[0]}\r\n${(p.length - 1).toString(16)};e=1\r\n${p.slice(1)}\r\n0\r\nt: 1\r\n\r\n`,
  `HTTP/1.1 200 OK\r\ncontent-length: ${p.length}\r\nconnection: close\r\n\r\n${p}`,
  `HTTP/1.1 204 No Content\r\nx: ${p}\r\n\r\n`,
  `HTTP/1.1 304 N\r\nx: ${p}\r\n\r\n`,
  `HTTP/1.1 200 OK\r\n\r\n${p}`,
  `HTTP/1.0 200 OK\r\ncontent-length: ${p.length}\r\n\r\n${p}`,
  `HTTP/1.1 200 OK\r\ncontent-length: ${p.length}\r\nkeep-alive: timeout=1\r\n\r\n${p}`
]
describe("pool fuzz", () => {
  for (let seed = 1; seed <= 6; seed++)
    it.live("seed " + seed, () =>
      Effect.gen(function* () {
        const r = rng(seed * 104729)
        const open = new Set<Socket>()
        const { port } = yield* listening(() =>
          createServer((s) => {
            open.add(s)
            s.on("close", () => open.delete(s)).on("error", () => s.destroy())
            let got = ""
            s.on("data", (b) => {
              got += b.toString()
              const end = got.indexOf("\r\n\r\n")
              if (end < 0) return
              const path = got.split(" ")[1] ?? ""
              got = ""
              const all = answers(path)
              const k = r() < 0.4 ? 0 : Math.floor(r() * all.length)
              const text = all[k] ?? ""
              const go = () => {
                const cut = r() < 0.5 ? text.length : 1 + Math.floor(r() * text.length)
                s.write(text.slice(0, cut))
                setTimeout(() => {
                  if (cut < text.length) s.write(text.slice(cut))
                  if (k === 7 || k === 4) s.end()
                  else if (r() < 0.05) s.destroy()
                }, r() * 3)
              }
              if (r() < 0.03) s.destroy()
              else setTimeout(go, r() * 4)
            })
          })
        )
        const pool = new Http1Pool({ origin: new URL(`http://127.0.0.1:${port}`), maxBody: 1000 })
        const tally: Record<string, number> = {}
        const bad: Array<string> = []
        let left = 0
        const one = (n: number, depth: number) => {
          const path = `/p${n}x${depth}`
          let state = "open"
          left++
          const end = pool.send({
            head: `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`,
            body: undefined,
            idempotent: true,
            done: (o) => {
              if (state !== "open") bad.push(`${path} done when ${state}`)
              state = "done"
              left--
              const what =
                typeof o === "object" && "status" in o ? `${o.status}` : typeof o === "string" ? o : String(o.code)
              tally[what] = (tally[what] ?? 0) + 1
              if (typeof o === "object" && "status" in o && (o.status === 200 ? o.body : o.headers["x"]) !== path)
                bad.push(`${path} got ${JSON.stringify(o)}`)
              if (depth < 8) one(n, depth + 1)
              if (r() < 0.2) end()
            }
          })
          if (r() < 0.15)
            setTimeout(() => {
              if (state === "open") {
                state = "ended"
                left--
                tally["ended"] = (tally["ended"] ?? 0) + 1
              }
              end()
              end()
            }, r() * 6)
        }
        for (let n = 0; n < 120; n++) {
          one(n, 0)
          if (n % 10 === 0) yield* Effect.sleep(2)
        }
        yield* Effect.sleep("1500 millis")
        console.log(seed, tally, "left", left, "open", open.size, bad.slice(0, 5))
        assert.deepStrictEqual(bad, [])
        assert.strictEqual(left, 0)
        for (let n = 500; n < 505; n++) one(n, 8)
        pool.destroy()
        assert.strictEqual(left, 0)
        yield* Effect.sleep("50 millis")
        assert.strictEqual(open.size, 0)
        assert.strictEqual(process.getActiveResourcesInfo().filter((x) => x === "Timeout").length < 3, true)
      })
    )
  it("reader: sequences through one reader are as through fresh ones", () => {
    const r = rng(4242)
    for (let round = 0; round < 3000; round++) {
      const one = new Http1Response(1000)
      for (let m = 0; m < 8; m++) {
        const all = answers(`/q${Math.floor(r() * 3)}`)
        const text = all[Math.floor(r() * all.length)] ?? ""
        const fresh = new Http1Response(1000)
        const feed = (x: Http1Response, cuts: Array<number>) => {
          let at = 0,
            p: unknown = "more"
          for (const c of [...cuts, text.length]) {
            if (c > at) {
              p = x.push(Buffer.from(text.slice(at, c)))
              at = c
              if (p !== "more") break
            }
          }
          return p === "more" ? x.close() : p
        }
        const cuts = Array.from({ length: Math.floor(r() * 4) }, () => Math.floor(r() * text.length)).sort(
          (a, b) => a - b
        )
        const a = feed(one, cuts),
          b = feed(fresh, [])
        assert.deepStrictEqual(a, b)
        if (typeof a !== "object" || !(a as { reusable: boolean }).reusable) break
      }
    }
  })
})
