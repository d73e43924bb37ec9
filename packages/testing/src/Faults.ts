/**
 * The fault matrix: every way in which an upstream misbehaves on its socket, by name, as a behaviour of a ScriptedServer.
 *
 * Data, so that a test goes through all of them: `Object.entries(Faults.all)`. {@link healthy} is how an upstream behaves
 * before the fault, and after it. Each fault strikes every request.
 */
import type { Socket } from "node:net"
import { Effect, Schedule } from "effect"
import { answer, type Behaviour, type Script } from "./ScriptedServer.ts"

/** Answers each request with 200 and the body that belongs to its path. */
export const healthy =
  (body: (path: string) => string): Script =>
  (socket, head) =>
    answer(socket, 200, body(head.split(" ")[1] ?? ""))

/** Answers each request in full with one status and one body; header lines end in a line break each. */
export const answering =
  (status: number, body: string, headers = ""): Script =>
  (socket) =>
    answer(socket, status, body, headers)

/** Begins a success of 10,000 bytes and gives the first of them. */
const begin = (socket: Socket) =>
  Effect.sync(() => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n{"))

const chunk = `4000\r\n${" ".repeat(0x4000)}\r\n`

/**
 * Every fault, by a name that a test can show.
 *
 * @example
 * const server = yield* ScriptedServer.make(Faults.healthy(() => '{"viewers":3}'))
 * yield* server.become(Faults.all["reset within the body"])
 */
export const all = {
  /** Takes the request and never says a word. */
  hang: () => {},

  /** Resets the connection instead of an answer: the process was killed. */
  "reset before the head": (socket) => socket.resetAndDestroy(),

  /** Begins an answer, and resets the connection once the client has had time to read the beginning. */
  "reset within the body": {
    /** A beginning, 10 milliseconds, a reset. */
    lasting: (socket) =>
      begin(socket).pipe(
        Effect.andThen(Effect.sleep("10 millis")),
        Effect.andThen(Effect.sync(() => void socket.resetAndDestroy()))
      )
  },

  /** Speaks another protocol: the wrong port. The connection stays open. */
  "not HTTP": (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"),

  /** Ten thousand bytes, one every 10 milliseconds: never silent for so long that a timeout of silence would catch it. */
  drip: {
    /** A beginning, and then byte after byte. */
    lasting: (socket) =>
      Effect.andThen(
        begin(socket),
        Effect.repeat(
          Effect.sync(() => void socket.write(" ")),
          Schedule.spaced("10 millis")
        )
      )
  },

  /** A body without an announced length, as fast as the client takes it, for ever. */
  "endless body": {
    /** A head, and then chunk after chunk of 16 KiB. */
    lasting: (socket) =>
      Effect.andThen(
        Effect.sync(() => void socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")),
        // Lets others have their turn after each chunk, so that an endless body is not an endless loop.
        Effect.forever(Effect.callback<void>((resume) => void socket.write(chunk, () => resume(Effect.void))))
      )
  },

  /** A success with a page for people: a proxy answered. */
  "not JSON": answering(200, "<!doctype html><title>Welcome</title>", "content-type: text/html\r\n"),

  /** A success with JSON that says something else. */
  "wrong schema": answering(200, '{"items":"none"}'),

  /** Broke. */
  "500": answering(500, '{"error":"broken"}'),

  /** Asks for a pause of a second. */
  "429": answering(429, '{"error":"too many"}', "retry-after: 1\r\n"),

  /** Overloaded, and does not say for how long. */
  "503": answering(503, '{"error":"overloaded"}'),

  /** Nobody listens on the port. */
  refused: "refuse"
} as const satisfies Readonly<Record<string, Behaviour>>

/** The name of a fault. */
export type Name = keyof typeof all
