import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { RoomId } from "@portico/room/RoomId"
import * as RoomUpstreams from "@portico/room/RoomUpstreams"
import { UserId } from "@portico/room/UserId"
import * as Contract from "@portico/testing/Contract"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Transport } from "@portico/upstream/Transport"
import { Data, Duration, Effect } from "effect"
import * as Subjects from "../src/Subjects.ts"

const script = (app: string) => new URL(`../../${app}/src/main.ts`, import.meta.url).pathname

// Halves the time to start.
const NODE_COMPILE_CACHE = new URL("../../../node_modules/.cache/portico", import.meta.url).pathname

class NoUpstreams extends Data.TaggedError("NoUpstreams")<{ readonly output: string }> {}

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "portico-contract-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The five reference upstreams as a process that ends with the scope, and where each listens. */
const upstreams = Effect.gen(function* () {
  const data = yield* folder
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [script("upstreams")], {
        env: {
          PATH: process.env["PATH"],
          NODE_COMPILE_CACHE,
          PORTICO_UPSTREAMS_PORTS: "0,0,0,0,0",
          PORTICO_UPSTREAMS_LATENCY: "0-1",
          PORTICO_DATA: data
        },
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  return yield* Effect.callback<ReadonlyMap<string, string>, NoUpstreams>((resume) => {
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += chunk
      const urls = new Map([...output.matchAll(/^(\w+) +(http:\S+)$/gm)].map(([, name, url]) => [name!, url!]))
      if (RoomUpstreams.names.every((name) => urls.has(name))) resume(Effect.succeed(urls))
    })
    child.once("exit", () => resume(Effect.fail(new NoUpstreams({ output }))))
  })
})

/** The command as a process of its own, to its end. */
const contract = (...args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = execFile(
      process.execPath,
      [script("contract"), ...args],
      { env: { PATH: process.env["PATH"], NODE_COMPILE_CACHE } },
      (_, stdout, stderr) => resume(Effect.succeed({ code: child.exitCode, output: stdout + stderr }))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

/** The clauses by how they came out, in what the command printed. */
const clauses = (output: string, mark: string) =>
  output
    .split("\n")
    .filter((line) => line.startsWith(`  ${mark} `))
    .map((line) => line.slice(2 + mark.length).trim())

const reportOn = (name: RoomUpstreams.Name, url: string) =>
  Subjects.checks[name]({
    baseUrl: new URL(url),
    timeout: Duration.seconds(5),
    batch: true,
    rooms: [RoomId.make("1001"), RoomId.make("1002")],
    users: [UserId.make("2001")],
    noRoom: RoomId.make("no-such-room"),
    noUser: UserId.make("no-such-user")
  }).pipe(Effect.provide(Transport.layer))

const namesOf = ({ checks }: Contract.Report, outcome: Contract.Check["outcome"]) =>
  checks.filter((check) => check.outcome === outcome).map(({ name }) => name)

describe("the reference upstreams", () => {
  it.live("keep the contract, each its own and not another's", () =>
    Effect.gen(function* () {
      const urls = yield* upstreams
      for (const name of RoomUpstreams.names) {
        const report = yield* reportOn(name, urls.get(name)!)
        assert.isTrue(report.kept, Contract.render(report))
        // Only what an upstream does not have is left out.
        const [identity, absence, batch] = [
          "answers about what was asked",
          "answers 404 to what it does not know",
          "has the batch form"
        ]
        const leftOut =
          name === "version" ? [identity, absence, batch] : name === "live" || name === "statistics" ? [batch] : []
        assert.deepStrictEqual(namesOf(report, "left out"), leftOut)
        assert.lengthOf(namesOf(report, "kept"), 10 - leftOut.length)
      }
      const other = yield* reportOn("user", urls.get("live")!)
      assert.isFalse(other.kept)
      assert.include(Contract.render(other), "GET /users/2001 answered 404")

      const url = urls.get("equity")!
      const { code, output } = yield* contract("--upstream", "equity", "--url", url, "--batch")
      assert.strictEqual(code, 0, output)
      assert.strictEqual(output.split("\n")[0], `equity at ${url}/ keeps its contract`)
      assert.lengthOf(clauses(output, "ok"), 10)
    })
  )
})

describe("a service that breaks its contract", () => {
  it.live("is named with what was asked and what is wrong, and the exit code is 1", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make((socket) =>
        ScriptedServer.answer(socket, 200, JSON.stringify({ roomId: "7", viewers: -1, likes: "many" }))
      )
      const args = ["--upstream", "statistics", "--url", server.url.href, "--room", "7", "--no-room", "8"]
      const { code, output } = yield* contract(...args)
      assert.strictEqual(code, 1)
      assert.match(output, /^statistics at http:\/\/127\.0\.0\.1:\d+\/ breaks its contract$/m)
      const issue = output.split("\n").find((line) => line.includes("GET /rooms/7/statistics is not of the schema"))
      for (const field of ["viewers", "likes", "gifts"]) assert.include(issue, `["${field}"]`)
      assert.include(clauses(output, "BROKEN"), "answers 404 to what it does not know")
      assert.include(output, "GET /rooms/8/statistics answered 200")
    })
  )

  it.live("breaks it by not being there", () =>
    Effect.gen(function* () {
      const server = yield* ScriptedServer.make("refuse")
      const report = yield* reportOn("version", server.url.href)
      assert.deepStrictEqual(namesOf(report, "broken"), ["can be reached"])
      assert.include(Contract.render(report), "GET /version?platform=web could not be reached (refused)")
    })
  )
})

describe("the command", () => {
  it.live("says what a bad flag should be, and asks nobody", () =>
    Effect.gen(function* () {
      const bad: ReadonlyArray<readonly [flags: string, message: RegExp]> = [
        ["--url=ftp://127.0.0.1", /flag --url: .*an http or https URL/],
        ["--url=http://127.0.0.1:1 --room=a/b", /flag --room: "a\/b"\. Expected: .*\[A-Za-z0-9_-\]\{1,64\}/]
      ]
      for (const [flags, message] of bad) {
        const { code, output } = yield* contract("--upstream", "live", ...flags.split(" "))
        assert.strictEqual(code, 1, output)
        assert.match(output, message)
        assert.notInclude(output, "can be reached")
        assert.notInclude(output, "    at ")
      }
    })
  )
})
