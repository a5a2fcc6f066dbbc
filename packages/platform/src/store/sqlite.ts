import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { type Dialect, SqliteDialect } from 'kysely'

/** Opens a SQLite file that this process alone may use, synced to the disk on every commit. */
export function openSqlite(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    // An exclusive lock belongs to the process and goes with it, so a crash leaves nothing to clean up.
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON',
    )
    database.exec('BEGIN IMMEDIATE; COMMIT')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Kysely on Node's own SQLite, which names three things otherwise than the driver Kysely expects. */
export function sqliteDialect(database: DatabaseSync): Dialect {
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql) {
        // A full disk makes SQLite roll back by itself; a second rollback would fail, and hide the reason.
        const already = sql === 'rollback' && !database.isTransaction
        const statement = database.prepare(already ? 'select 1 where false' : sql)
        return {
          reader: statement.columns().length > 0,
          all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
          run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
          iterate: (parameters) =>
            statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
        }
      },
    },
  })
}
