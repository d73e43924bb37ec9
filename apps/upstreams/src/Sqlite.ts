/**
 * `node:sqlite` as a small service: a connection that closes with its scope, statements prepared once, and every failure one
 * typed error.
 *
 * node:sqlite is synchronous, and a look-up by key takes some 1 to 2 microseconds, so there is nothing to gain from a thread.
 * Statements that read build their JSON in SQL: the text then goes to the wire without a row ever becoming an object.
 */
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite"
import type { PathLike } from "node:fs"
import { Context, Data, Effect, type Scope } from "effect"

/** A statement or the opening of a file failed. `code` is SQLite's own (extended) result code, where there is one. */
export class SqliteError extends Data.TaggedError("SqliteError")<{
  readonly operation: string
  readonly code: number | undefined
  readonly cause: unknown
}> {
  override get message(): string {
    const why = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.operation}: ${why}`
  }

  /** The file is no SQLite database, or a damaged one (SQLITE_CORRUPT, SQLITE_NOTADB). */
  get damaged(): boolean {
    const primary = (this.code ?? 0) & 0xff
    return primary === 11 || primary === 26
  }
}

export type Row = Readonly<Record<string, SQLOutputValue>>

/** A prepared statement: the first row for these parameters. */
export type Query = (...parameters: ReadonlyArray<SQLInputValue>) => Effect.Effect<Row | undefined, SqliteError>

export class Sqlite extends Context.Service<
  Sqlite,
  {
    /** Prepares a statement; do it once, when a service is made. */
    readonly prepare: (sql: string) => Effect.Effect<Query, SqliteError>
    /** Uses the connection itself, for scripts and bulk work. */
    readonly use: <A>(operation: string, work: (connection: DatabaseSync) => A) => Effect.Effect<A, SqliteError>
  }
>()("@portico/app-upstreams/Sqlite") {}

/** Opens a database; it closes with the scope. */
export const open = (
  path: PathLike,
  options: { readonly readOnly?: boolean } = {}
): Effect.Effect<Sqlite["Service"], SqliteError, Scope.Scope> =>
  Effect.acquireRelease(
    attempt("open", () => new DatabaseSync(path, options)),
    (connection) => Effect.sync(() => connection.close())
  ).pipe(
    Effect.map((connection) =>
      Sqlite.of({
        use: (operation, work) => attempt(operation, () => work(connection)),
        prepare: (sql) =>
          attempt("prepare", () => connection.prepare(sql)).pipe(
            Effect.map(
              (statement): Query =>
                (...parameters) =>
                  attempt("query", () => statement.get(...parameters))
            )
          )
      })
    )
  )

/** The text in a column; undefined where there is no row, or no text in it. */
export const text = (row: Row | undefined, column: string): string | undefined => {
  const value = row?.[column]
  return typeof value === "string" ? value : undefined
}

/** The number in a column; 0 where there is none. */
export const number = (row: Row, column: string): number => {
  const value = row[column]
  return typeof value === "number" ? value : 0
}

const attempt = <A>(operation: string, work: () => A): Effect.Effect<A, SqliteError> =>
  Effect.try({ try: work, catch: (cause) => new SqliteError({ operation, code: codeOf(cause), cause }) })

const codeOf = (cause: unknown): number | undefined =>
  cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode : undefined
