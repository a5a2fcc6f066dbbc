import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { type Dialect, SqliteAdapter, SqliteDialect } from 'kysely'

/** Opens a SQLite file that this process alone may use, synced to the disk on every commit. */
export function openSqlite(file: string): DatabaseSync {
  const database = new DatabaseSync(file)
  try {
    // An exclusive lock belongs to the process and goes with it, so a crash leaves nothing to clean up.
    database.exec(
      'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY',
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
  const statements = new Statements(database)
  return new MigratingDialect({
    database: {
      close: () => database.close(),
      prepare(sql) {
        // A full disk makes SQLite roll back by itself; a second rollback would fail, and hide the reason.
        const already = sql === 'rollback' && !database.isTransaction
        const known = statements.get(already ? 'select 1 where false' : sql)
        const { statement } = known
        return {
          reader: known.reader,
          all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
          run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
          // A statement that is being stepped through cannot be run by anyone else meanwhile.
          iterate: (parameters) =>
            database.prepare(sql).iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>,
        }
      },
    },
  })
}

/** SQLite undoes changes of tables as well as of rows, which Kysely does not count on: a migration is made all or not at all. */
class MigratingDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter {
    return new MigratingAdapter()
  }
}

class MigratingAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

interface Prepared {
  readonly statement: StatementSync
  /** Whether it returns rows. */
  readonly reader: boolean
}

const STATEMENTS_MAX = 500

/** Statements that were prepared, kept by their text: to prepare one costs as much as to run it. */
class Statements {
  readonly #database: DatabaseSync
  readonly #known = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  get(sql: string): Prepared {
    const known = this.#known.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    const prepared = { statement, reader: statement.columns().length > 0 }
    // What changes tables changes what was prepared for them.
    if (/^\s*(?:create|alter|drop|pragma)\b/i.test(sql)) this.#known.clear()
    else this.#keep(sql, prepared)
    return prepared
  }

  #keep(sql: string, prepared: Prepared): void {
    if (this.#known.size >= STATEMENTS_MAX) {
      const [oldest = ''] = this.#known.keys()
      this.#known.delete(oldest)
    }
    this.#known.set(sql, prepared)
  }
}
