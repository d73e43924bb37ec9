/**
 * Clients on raw sockets, a share of which leaves mid-request by destroying its connection.
 * Arguments: port, clients, seconds, the share that leaves. Prints what the others saw, as wrk's script does.
 */
import { connect } from "node:net"

const [port = 0, clients = 1, seconds = 1, leaving = 0] = process.argv.slice(2).map(Number)
const seed = process.env["BENCH_SEED"] ?? "s"
const began = performance.now()
const end = began + seconds * 1000

const latencies: Array<number> = []
let sent = 0
let failed = 0
let refused = 0

/** Whether the bytes are one whole answer: by its length, or by the last chunk. */
const isWhole = (answer: string) => {
  const head = answer.indexOf("\r\n\r\n")
  if (head < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, head + 2))?.[1]
  return length === undefined ? answer.endsWith("\r\n0\r\n\r\n") : answer.length >= head + 4 + Number(length)
}

/** One client: a request after the other on one connection; when it leaves or is dropped, a new one takes its place. */
const client = () => {
  const socket = connect(port, "127.0.0.1").setNoDelay(true).setEncoding("latin1")
  let answer = ""
  let asked = 0
  let leave: NodeJS.Timeout | undefined
  const ask = () => {
    if (performance.now() >= end) {
      socket.destroy()
      return
    }
    sent += 1
    answer = ""
    asked = performance.now()
    socket.write(`GET /v1/rooms/${seed}r${sent}/entry HTTP/1.1\r\nHost: bench\r\nx-user-id: ${seed}u${sent}\r\n\r\n`)
    // The upstreams need 50 ms: whoever leaves within 40 leaves fetches behind.
    if (Math.random() < leaving) leave = setTimeout(() => socket.destroy(), 5 + Math.random() * 35)
  }
  socket.on("connect", ask)
  socket.on("data", (text: string) => {
    answer += text
    if (!isWhole(answer)) return
    clearTimeout(leave)
    if (answer.startsWith("HTTP/1.1 200")) latencies.push(performance.now() - asked)
    else failed += 1
    ask()
  })
  socket.on("error", () => {
    refused += 1
  })
  socket.on("close", () => {
    clearTimeout(leave)
    if (performance.now() < end) client()
  })
}

for (let i = 0; i < clients; i++) client()

setTimeout(
  () => {
    const sorted = latencies.sort((a, b) => a - b)
    const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0
    const result = {
      requests: sorted.length + failed,
      seconds,
      failed,
      refused,
      p50: at(0.5),
      p99: at(0.99),
      max: at(1)
    }
    process.stdout.write(`RESULT ${JSON.stringify(result)}\n`, () => process.exit(0))
  },
  seconds * 1000 + 200
)
