import type { DatabaseSync } from 'node:sqlite'
import type { Database } from './database.ts'

const handles = new WeakMap<Database, DatabaseSync>()

/** Remembers which SQLite a database is. */
export function rememberSqlite(db: Database, sqlite: DatabaseSync): void {
  handles.set(db, sqlite)
}

/** The SQLite that a database is, if it is one; a transaction of it is none, and neither is it with plugins. */
export const sqliteOf = (db: Database): DatabaseSync | undefined => handles.get(db)
