/**
 * The one SQLite file under the five upstreams: its tables, its version, and how it comes to be.
 *
 * It is built beside its place under another name and renamed into it when whole, so a crash half-way leaves no half-filled
 * file, and of two processes that start at once each renames a whole one, which is the same. Once in its place the file does
 * not change, so it is read as immutable: without the locks that SQLite would take for each query, which cost ten times the
 * query. A process that still reads a replaced file goes on with the old one.
 */
import * as fs from "node:fs"
import * as path from "node:path"
import type { DatabaseSync } from "node:sqlite"
import { pathToFileURL } from "node:url"
import { Clock, Effect, Random, type Scope } from "effect"
import * as Seed from "./Seed.ts"
import * as Sqlite from "./Sqlite.ts"
import { StartError } from "./StartError.ts"

/** Raise it with any change to the tables or the seed: a file of another version is built anew. */
export const version = 2

export const fileName = "upstreams.sqlite"

/** Marks the file as ours ("PORT"), so that nobody else's database is ever replaced. */
const applicationId = 0x504f5254

const tables = `
create table versions (platform text primary key, latest text not null, minimum text not null, features text not null)
  strict, without rowid;
create table users (id text primary key, nickname text not null, level integer not null, avatar_url text not null)
  strict, without rowid;
create table rooms (id text primary key, title text not null,
  status text not null check (status in ('live', 'offline', 'banned')), anchor_id text not null references users (id),
  cover_url text not null, started_at text, streams text not null) strict, without rowid;
create table equities (user_id text not null references users (id), room_id text not null references rooms (id),
  vip integer not null, badges text not null, coins integer not null, privileges text not null,
  primary key (user_id, room_id)) strict, without rowid;
create table statistics (room_id text primary key references rooms (id), status text not null, viewers integer not null,
  likes integer not null, gifts integer not null) strict, without rowid;
`

/** Opens the database in `folder`, made and filled where there is none of this version. */
export const open = (folder: string): Effect.Effect<Sqlite.Sqlite["Service"], StartError, Scope.Scope> =>
  Effect.gen(function* () {
    const file = path.join(folder, fileName)
    yield* files(folder, () => fs.mkdirSync(folder, { recursive: true }))
    if (!(yield* isCurrent(file))) yield* build(folder, file)
    const url = pathToFileURL(path.resolve(file))
    url.searchParams.set("immutable", "1")
    return yield* Sqlite.open(url, { readOnly: true }).pipe(Effect.mapError((error) => unreadable(file, error)))
  })

const isCurrent = (file: string): Effect.Effect<boolean, StartError> =>
  Effect.gen(function* () {
    if (!fs.existsSync(file)) return false
    const sqlite = yield* Sqlite.open(file, { readOnly: true })
    const head = yield* sqlite.use("check", (connection) => {
      const row: Sqlite.Row = {
        ...connection.prepare("pragma application_id").get(),
        ...connection.prepare("pragma user_version").get(),
        ...connection.prepare("select count(*) as tables from sqlite_schema").get()
      }
      return row
    })
    const ours = Sqlite.number(head, "application_id") === applicationId
    if (!ours && Sqlite.number(head, "tables") > 0) return yield* foreign(file)
    if (!ours || Sqlite.number(head, "user_version") !== version) return false
    const verdict = yield* sqlite.use("check", (connection) => connection.prepare("pragma quick_check(1)").get())
    return Sqlite.text(verdict, "quick_check") === "ok" ? true : yield* damaged(file)
  }).pipe(
    Effect.scoped,
    Effect.catchTag("SqliteError", (error) => unreadable(file, error))
  )

const build = (folder: string, file: string): Effect.Effect<void, StartError> =>
  Effect.acquireUseRelease(
    Effect.andThen(
      sweep(folder),
      Effect.map(Random.next, (draw) => `${file}.${process.pid}-${String(draw).slice(2)}.new`)
    ),
    (draft) =>
      Effect.scoped(
        Effect.flatMap(Sqlite.open(draft), (sqlite) => sqlite.use("fill", (connection) => fill(connection)))
      ).pipe(
        Effect.mapError((cause) => notWritable(folder, cause)),
        Effect.andThen(files(folder, () => putInPlace(draft, file))),
        // Where a file that is open cannot be replaced (Windows), whoever holds it has built the same one.
        Effect.catch((error) => Effect.flatMap(isCurrent(file), (current) => (current ? Effect.void : error)))
      ),
    (draft) => Effect.sync(() => fs.rmSync(draft, { force: true })).pipe(Effect.ignoreCause)
  )

const fill = (connection: DatabaseSync): void => {
  const seed = Seed.make()
  // Nobody reads a draft, and a broken one is thrown away: it needs no journal.
  connection.exec("pragma journal_mode = off; pragma synchronous = off; begin")
  connection.exec(tables)
  const versions = connection.prepare("insert into versions values (?, ?, ?, ?)")
  for (const row of seed.versions) versions.run(row.platform, row.latest, row.minimum, JSON.stringify(row.features))
  const users = connection.prepare("insert into users values (?, ?, ?, ?)")
  for (const row of seed.users) users.run(row.userId, row.nickname, row.level, row.avatarUrl)
  const rooms = connection.prepare("insert into rooms values (?, ?, ?, ?, ?, ?, ?)")
  const statistics = connection.prepare("insert into statistics values (?, ?, ?, ?, ?)")
  for (const row of seed.rooms) {
    const { roomId, status } = row
    rooms.run(roomId, row.title, status, row.anchorId, row.coverUrl, row.startedAt, JSON.stringify(row.streams))
    statistics.run(roomId, status, row.viewers, row.likes, row.gifts)
  }
  const equities = connection.prepare("insert into equities values (?, ?, ?, ?, ?, ?)")
  for (const row of seed.equities) {
    const [badges, privileges] = [JSON.stringify(row.badges), JSON.stringify(row.privileges)]
    equities.run(row.userId, row.roomId, row.vip ? 1 : 0, badges, row.coins, privileges)
  }
  connection.exec(`pragma application_id = ${applicationId}; pragma user_version = ${version}; commit`)
}

// On the disk before it is in its place: a power cut must not leave a name without its content.
const putInPlace = (draft: string, file: string): void => {
  const handle = fs.openSync(draft, "r+")
  fs.fsyncSync(handle)
  fs.closeSync(handle)
  fs.renameSync(draft, file)
}

// What a crash half-way left behind. A draft is made in well under a second, so an old one is nobody's.
const sweep = (folder: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.sync(() => {
      for (const name of fs.readdirSync(folder)) {
        const draft = path.join(folder, name)
        if (!name.startsWith(`${fileName}.`) || !name.endsWith(".new")) continue
        if (fs.statSync(draft).mtimeMs < now - 60_000) fs.rmSync(draft)
      }
    })
  ).pipe(Effect.ignoreCause)

const files = (folder: string, work: () => void): Effect.Effect<void, StartError> =>
  Effect.try({ try: work, catch: (cause) => notWritable(folder, cause) })

const notWritable = (folder: string, cause: unknown) =>
  new StartError({
    reason: "DataFolder",
    what: `The data folder ${folder} cannot be made or written to (${cause instanceof Error ? cause.message : String(cause)})`,
    todo: "Give a folder that this user may write to (PORTICO_DATA)",
    cause
  })

const unreadable = (file: string, error: Sqlite.SqliteError) =>
  error.damaged
    ? damaged(file, error)
    : new StartError({
        reason: "DataFile",
        what: `The data file ${file} cannot be opened (${error.message})`,
        todo: "Make it readable for this user, or remove it: it is made again at the next start",
        cause: error
      })

const damaged = (file: string, cause?: unknown) =>
  new StartError({
    reason: "DataFile",
    what: `The data file ${file} is damaged or no SQLite database`,
    todo: "Remove it: it is made again at the next start",
    cause
  })

const foreign = (file: string) =>
  new StartError({
    reason: "DataFile",
    what: `The data file ${file} is a database of something else`,
    todo: "Move it away, or give another folder (PORTICO_DATA)"
  })
