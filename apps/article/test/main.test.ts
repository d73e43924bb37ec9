import { spawn } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import * as Faults from "@portico/testing/Faults"
import * as ScriptedServer from "@portico/testing/ScriptedServer"
import { Data, Effect } from "effect"

class EndedInstead extends Data.TaggedError("EndedInstead")<{ readonly output: string }> {}

const script = new URL("../src/main.ts", import.meta.url).pathname

// Halves the time to start.
const NODE_COMPILE_CACHE = new URL("../../../node_modules/.cache/portico", import.meta.url).pathname

/** The app as a process of its own, with these settings and no others; its address. It does not outlive the scope. */
const start = (settings: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const env = { PATH: process.env["PATH"], NODE_COMPILE_CACHE, PORT: "0", ...settings }
      const child = spawn(process.execPath, [script], { env, stdio: ["ignore", "pipe", "pipe"] })
      const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  ).pipe(
    Effect.flatMap(({ child, ended }) =>
      Effect.callback<string, EndedInstead>((resume) => {
        let output = ""
        const read = (chunk: Buffer) => {
          output += chunk.toString()
          const url = /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0]
          if (url !== undefined) resume(Effect.succeed(url))
        }
        child.stdout.on("data", read)
        child.stderr.on("data", read)
        void ended.then(() => resume(Effect.fail(new EndedInstead({ output }))))
      })
    )
  )

/** What the three services answer when they are well. */
const good = (path: string): string => {
  if (path === "/articles/1") return JSON.stringify({ title: "On waiting", text: "…", authorId: "7", more: "ignored" })
  if (path === "/authors/7") return JSON.stringify({ name: "A. Author" })
  return JSON.stringify(path === "/comments?article=1" ? [{ by: "a reader", says: "True." }] : {})
}

/** The app over three services of its own. */
const overThree = Effect.gen(function* () {
  const well = Faults.healthy(good)
  const article = yield* ScriptedServer.make(well)
  const author = yield* ScriptedServer.make(well)
  const comments = yield* ScriptedServer.make(well)
  const url = yield* start({
    ARTICLE_URL: article.url.href,
    AUTHOR_URL: author.url.href,
    COMMENTS_URL: comments.url.href
  })
  return { url, article, author, comments }
})

const get = (url: string) =>
  Effect.promise(async (signal) => {
    const response = await fetch(url, { signal, headers: { "x-request-id": "r-1" } })
    const text = await response.text()
    assert.strictEqual(response.headers.get("x-request-id"), "r-1")
    return { status: response.status, headers: response.headers, body: JSON.parse(text) as unknown }
  })

const page = {
  title: "On waiting",
  text: "…",
  authorId: "7",
  author: { name: "A. Author" },
  comments: [{ by: "a reader", says: "True." }]
}

describe("the article app as a process, over real services", () => {
  it.live("answers with the page, and says in Server-Timing what it was made of", () =>
    Effect.gen(function* () {
      const { url, article, author, comments } = yield* overThree
      const { status, headers, body } = yield* get(`${url}/articles/1`)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, page)
      const timing = headers.get("server-timing") ?? ""
      assert.match(
        timing,
        /^article;dur=[\d.]+;desc="fetched", comments;.+, article\.author;dur=[\d.]+;desc="fetched"$/
      )
      const asked = [article, author, comments].map(({ requests }) => requests.map((head) => head.split(" ")[1]))
      assert.deepStrictEqual(asked, [["/articles/1"], ["/authors/7"], ["/comments?article=1"]])
      for (const { requests } of [article, author, comments]) assert.match(requests[0]!, /^x-request-id: r-1$/m)
    })
  )

  it.live("serves what it has when the others break, and a problem when the article cannot be had", () =>
    Effect.gen(function* () {
      const { url, article, author, comments } = yield* overThree
      yield* author.become("refuse")
      yield* comments.become(Faults.all["not JSON"])
      const first = yield* get(`${url}/articles/1`)
      const { author: _, ...nameless } = page
      assert.deepStrictEqual([first.status, first.body], [200, { ...nameless, comments: [] }])
      assert.match(
        first.headers.get("server-timing") ?? "",
        /comments;.+desc="fallback", article\.author;.+desc="failed"/
      )

      yield* author.become(Faults.healthy(good))
      yield* comments.become(Faults.healthy(good))
      assert.deepStrictEqual((yield* get(`${url}/articles/1`)).body, page)
      yield* author.become(Faults.all.hang)
      yield* comments.become(Faults.all["500"])
      const stale = yield* get(`${url}/articles/1`)
      assert.deepStrictEqual([stale.status, stale.body], [200, page])
      assert.match(stale.headers.get("server-timing") ?? "", /comments;.+desc="stale", article\.author;.+desc="stale"/)

      yield* article.become(Faults.answering(404, ""))
      const missing = yield* get(`${url}/articles/1`)
      assert.strictEqual(missing.status, 404)
      assert.strictEqual(missing.headers.get("content-type"), "application/problem+json")
      assert.deepInclude(missing.body, { _tag: "NoArticle", status: 404, requestId: "r-1" })
      yield* article.become("refuse")
      const down = yield* get(`${url}/articles/1`)
      assert.strictEqual(down.status, 502)
      assert.deepInclude(down.body, { _tag: "UpstreamError", upstream: "article" })
      assert.match(down.headers.get("server-timing") ?? "", /^article;dur=[\d.]+;desc="failed"/)
    })
  )

  it.live("does not start without knowing where a service is", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(start({ ARTICLE_URL: "http://a.example", AUTHOR_URL: "http://a.example" }))
      assert.match(error.output, /COMMENTS_URL/)
    })
  )
})
