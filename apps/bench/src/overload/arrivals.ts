/**
 * Viewers who arrive at a constant rate, however the server fares: an open loop. wrk is a closed one: its clients wait for
 * their answers before they ask again, so a server that slows down slows its load down too, and never collapses.
 * Arguments: port, arrivals a second, seconds before any is counted, seconds, the milliseconds within which an answer is of
 * use. Prints what came of them.
 *
 * A viewer takes a connection that is free, else opens one, and leaves after twice the time. Latencies count from when
 * the request was due, not from when it was sent, so that a generator that is late flatters nobody.
 */
import { connect } from "node:net"
import type { Socket } from "node:net"

const [port = 0, rate = 1, lead = 0, seconds = 1, deadline = 1000] = process.argv.slice(2).map(Number)
const seed = `a${(process.pid % 46_656).toString(36)}`

/** Those of the first seconds are not counted: they find the upstreams' connections closed. */
const uncounted = Math.floor(rate * lead)
const total = uncounted + Math.floor(rate * seconds)

/** A connection and the request on it, if there is one. */
interface Connection {
  readonly socket: Socket
  due: number | undefined
  answer: string
}

const entries: Array<number> = []
const shed: Array<number> = []
const lags: Array<number> = []
let complete = 0
let late = 0
let failed = 0
let lost = 0
let sent = 0
let opened = 0
let began = 0

/** As many connections as there would be if each answer took a half of the deadline. */
const ready = Math.min(6_000, (rate * deadline) / 2_000)

const idle: Array<Connection> = []
const busy = new Set<Connection>()

/** Where the answer ends, or undefined while it is not whole. Every answer says its length. */
const isWhole = (answer: string) => {
  const head = answer.indexOf("\r\n\r\n")
  if (head < 0) return false
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, head + 2))?.[1]
  return length !== undefined && answer.length >= head + 4 + Number(length)
}

const counts = (due: number) => due >= began + lead * 1000

const note = (answer: string, due: number) => {
  const millis = performance.now() - due
  const status = answer.slice(9, 12)
  if (status === "503" && answer.includes('"_tag":"Overloaded"')) shed.push(millis)
  else if (status !== "200") failed += 1
  else {
    entries.push(millis)
    if (millis > deadline) late += 1
    else if (answer.includes('"complete":true')) complete += 1
  }
}

const open = (): Connection => {
  opened += 1
  const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${2 + (opened % 32)}` })
  socket.setNoDelay(true).setEncoding("latin1")
  const connection: Connection = { socket, due: undefined, answer: "" }
  socket.on("data", (text: string) => {
    connection.answer += text
    if (connection.due === undefined || !isWhole(connection.answer)) return
    if (counts(connection.due)) note(connection.answer, connection.due)
    connection.due = undefined
    busy.delete(connection)
    if (/\r\nconnection: *close/i.test(connection.answer)) socket.destroy()
    else idle.push(connection)
  })
  socket.on("error", () => {})
  socket.on("close", () => {
    if (busy.delete(connection) && counts(connection.due ?? 0)) lost += 1
    const at = idle.indexOf(connection)
    if (at >= 0) idle.splice(at, 1)
  })
  return connection
}

const enter = (due: number) => {
  const connection = idle.pop() ?? open()
  connection.due = due
  connection.answer = ""
  busy.add(connection)
  sent += 1
  connection.socket.write(
    `GET /v1/rooms/${seed}r${sent}/entry HTTP/1.1\r\nHost: bench\r\nx-user-id: ${seed}u${sent}\r\n\r\n`
  )
  if (counts(due)) lags.push(performance.now() - due)
}

/** Lets go whoever has waited twice as long as the answer is of use: the oldest are first. */
const giveUp = (now: number) => {
  for (const connection of busy) {
    if (now - (connection.due ?? now) < 2 * deadline) return
    connection.socket.destroy()
  }
}

const quantile = (values: Array<number>, q: number) =>
  values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? 0

const report = () => {
  const result = {
    offered: sent - uncounted,
    complete,
    inTime: entries.length - late,
    late,
    shed: shed.length,
    failed,
    lost,
    p50: quantile(entries, 0.5),
    p99: quantile(entries, 0.99),
    shedP50: quantile(shed, 0.5),
    shedP99: quantile(shed, 0.99),
    lagP99: quantile(lags, 0.99)
  }
  process.stdout.write(`RESULT ${JSON.stringify(result)}\n`, () => process.exit(0))
}

const tick = () => {
  const now = performance.now()
  giveUp(now)
  const due = Math.min(total, Math.floor(((now - began) * rate) / 1000) + 1)
  for (let i = sent; i < due; i++) enter(began + (i * 1000) / rate)
  if (sent >= total && busy.size === 0) report()
  else setTimeout(tick, 1)
}

/** Opens the connections that viewers before these would have left behind; then the first one is due. */
const prepare = () => {
  if (opened < ready) {
    idle.push(open(), open())
    setTimeout(prepare, 1)
  } else {
    setTimeout(() => {
      began = performance.now()
      tick()
    }, 500)
  }
}

prepare()
