import type { Transaction } from 'kysely'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

/**
 * A transaction as the database of others: what they begin as a transaction of their own becomes part of this one, and is
 * undone with it.
 */
export function joined(transaction: Transaction<Schema>): Database {
  const part = { execute: <T>(work: (db: Database) => Promise<T>) => work(database) }
  const database: Database = new Proxy<Database>(transaction, {
    get(target, name) {
      if (name === 'transaction') return () => part
      const value: unknown = Reflect.get(target, name, target)
      // Kysely keeps its state in private fields, which know their own object alone.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return database
}

/** Runs `work` in the caller's transaction, or else in one of its own. */
export const inTransaction = <T>(db: Database, work: (db: Database) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db) : db.transaction().execute(work)
