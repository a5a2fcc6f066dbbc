import type { Database } from './database.ts'
import { sqliteOf } from './sqlite-handle.ts'

/**
 * Runs a transaction whose commit does not wait for SQLite's disk. The end of the process loses nothing of it, as the
 * operating system has it; a power cut may lose it, but never only a part. It is for logs that are written many times a
 * second, whose syncs would make every token request wait; PostgreSQL syncs elsewhere, and always.
 */
export function unsynced<T>(db: Database, act: (transaction: Database) => Promise<T>): Promise<T> {
  const sqlite = sqliteOf(db)
  if (!sqlite) return db.transaction().execute(act)
  // While the one connection is held, nobody else's commit can go without its sync.
  return db.connection().execute(async (connection) => {
    sqlite.exec('PRAGMA synchronous = NORMAL')
    try {
      return await connection.transaction().execute(act)
    } finally {
      if (sqlite.isOpen) sqlite.exec('PRAGMA synchronous = FULL')
    }
  })
}
