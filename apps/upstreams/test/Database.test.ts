import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Database from "../src/Database.ts"
import * as Sqlite from "../src/Sqlite.ts"
import { folder } from "./fixture.ts"

const opened = (data: string) => Effect.scoped(Effect.asVoid(Database.open(data)))

const digest = (data: string) =>
  createHash("sha256")
    .update(fs.readFileSync(join(data, Database.fileName)))
    .digest("hex")

describe("Database", () => {
  it.effect("is made in a folder that is missing, the same to the byte every time", () =>
    Effect.gen(function* () {
      const [one, two] = [join(yield* folder, "deep", "er"), yield* folder]
      yield* opened(one)
      yield* opened(two)
      assert.strictEqual(digest(one), digest(two))
      assert.deepStrictEqual(fs.readdirSync(one), [Database.fileName])
    })
  )

  it.effect("keeps the file that is there", () =>
    Effect.gen(function* () {
      const data = yield* folder
      yield* opened(data)
      const file = join(data, Database.fileName)
      const raw = new DatabaseSync(file)
      raw.exec("update rooms set title = 'mine' where id = '1001'")
      raw.close()
      const { ino, mtimeMs } = fs.statSync(file)
      const sqlite = yield* Database.open(data)
      assert.deepInclude(fs.statSync(file), { ino, mtimeMs })
      const query = yield* sqlite.prepare("select title from rooms where id = ?")
      assert.strictEqual(Sqlite.text(yield* query("1001"), "title"), "mine")
    })
  )

  it.effect("builds a file of another version anew, and an empty one", () =>
    Effect.gen(function* () {
      const [old, empty, fresh] = [yield* folder, yield* folder, yield* folder]
      yield* opened(fresh)
      yield* opened(old)
      const raw = new DatabaseSync(join(old, Database.fileName))
      raw.exec("pragma user_version = 999; delete from equities")
      raw.close()
      fs.writeFileSync(join(empty, Database.fileName), "")
      yield* opened(old)
      yield* opened(empty)
      assert.strictEqual(digest(old), digest(fresh))
      assert.strictEqual(digest(empty), digest(fresh))
    })
  )

  it.effect("says what to do about a damaged file", () =>
    Effect.gen(function* () {
      const data = yield* folder
      fs.writeFileSync(join(data, Database.fileName), "this is no database at all, but long enough".repeat(100))
      const error = yield* Effect.flip(opened(data))
      assert.strictEqual(error._tag, "StartError")
      assert.strictEqual(error.reason, "DataFile")
      assert.match(error.message, /upstreams\.sqlite is damaged.*Remove it/)
    })
  )

  it.effect("finds damage in the middle of a file", () =>
    Effect.gen(function* () {
      const data = yield* folder
      yield* opened(data)
      const file = join(data, Database.fileName)
      const bytes = fs.readFileSync(file)
      bytes.fill(0x5a, 8192, bytes.length - 8192)
      fs.writeFileSync(file, bytes)
      assert.match((yield* Effect.flip(opened(data))).message, /damaged/)
    })
  )

  it.effect("leaves the database of something else alone", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const raw = new DatabaseSync(join(data, Database.fileName))
      raw.exec("create table precious (x)")
      raw.close()
      const before = digest(data)
      assert.match((yield* Effect.flip(opened(data))).message, /something else.*Move it away/)
      assert.strictEqual(digest(data), before)
    })
  )

  it.effect("says what to do about a folder that cannot be made", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "file")
      fs.writeFileSync(file, "")
      const error = yield* Effect.flip(opened(join(file, "data")))
      assert.strictEqual(error.reason, "DataFolder")
      assert.match(error.message, /cannot be made or written to .*PORTICO_DATA/)
    })
  )

  it.live("sweeps away what a crash half-way left, and nothing else", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const [old, young, other] = ["upstreams.sqlite.1-2.new", "upstreams.sqlite.3-4.new", "other.new"]
      for (const name of [old, young, other]) fs.writeFileSync(join(data, name), "half")
      fs.utimesSync(join(data, old), 1, 1)
      fs.utimesSync(join(data, other), 1, 1)
      yield* opened(data)
      assert.deepStrictEqual(fs.readdirSync(data).sort(), [other, Database.fileName, young].sort())
    })
  )

  it.effect("goes on reading the old file when another process has put a new one in its place", () =>
    Effect.gen(function* () {
      const data = yield* folder
      const sqlite = yield* Database.open(data)
      const query = yield* sqlite.prepare("select count(*) as n from users")
      fs.renameSync(join(data, Database.fileName), join(data, "old"))
      yield* opened(data)
      assert.strictEqual((yield* query())?.["n"], 4000)
    })
  )

  it.effect("fails a statement with a typed error", () =>
    Effect.gen(function* () {
      const sqlite = yield* Database.open(yield* folder)
      const error = yield* Effect.flip(sqlite.prepare("select nothing from nowhere"))
      assert.strictEqual(error._tag, "SqliteError")
      assert.strictEqual(error.code, 1)
      assert.isFalse(error.damaged)
    })
  )
})
