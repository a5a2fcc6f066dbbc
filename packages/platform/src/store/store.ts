import { ChangeListener } from './change-listener.ts'
import { type Database, makeFolder, openDatabase } from './database.ts'
import { openPostgres } from './postgres.ts'
import { ReadCache } from './read-cache.ts'
import type { Schema } from './schema.ts'

/** Where a platform keeps its data. */
export interface StoreOptions {
  readonly dataFolder: string
  /** The address of a PostgreSQL; without it, SQLite in the data folder. It may hold a password, and is never repeated. */
  readonly database?: string | undefined
}

/** A platform's database, and what is in memory of it. */
export interface Store {
  readonly db: Database
  /** What token requests have read: dropped at every change of this process, and of other replicas within a second. */
  readonly cache: ReadCache
  /** Whether other replicas may use the same database. */
  readonly isShared: boolean
  /** Runs what one process at a time may do, such as making the first keys. */
  readonly exclusively: <T>(act: () => Promise<T>) => Promise<T>
  /** Calls `listener` whenever another replica may have changed the table. */
  readonly whenChanged: (table: keyof Schema, listener: () => void) => void
  close(): Promise<void>
}

/**
 * Opens the store: SQLite in the data folder, or PostgreSQL at an address, which replicas may share.
 *
 * @throws PlatformError if the folder or the database cannot be used.
 */
export function openStore({ dataFolder, database }: StoreOptions): Promise<Store> {
  return database === undefined ? embedded(dataFolder) : served(dataFolder, database)
}

async function embedded(dataFolder: string): Promise<Store> {
  let drop = () => {}
  const db = await openDatabase(dataFolder, () => drop())
  const cache = new ReadCache(db)
  drop = () => cache.drop()
  // The data folder has let this process in alone.
  return {
    db,
    cache,
    isShared: false,
    exclusively: (act) => act(),
    whenChanged: () => {},
    close: () => db.destroy(),
  }
}

async function served(dataFolder: string, address: string): Promise<Store> {
  await makeFolder(dataFolder)
  let drop = () => {}
  const { db, connection, exclusively } = await openPostgres(address, () => drop())
  const watched: (readonly [table: string, call: () => void])[] = []
  const onChange = (changed?: string) => {
    drop()
    for (const [table, call] of watched) if (changed === undefined || changed === table) call()
  }
  const listener = await ChangeListener.start({ connection, onChange })
  const cache = new ReadCache(db, { isTrusted: listener.isTrusted })
  drop = () => cache.drop()
  const close = async () => {
    await listener.close()
    await db.destroy()
  }
  return {
    db,
    cache,
    isShared: true,
    exclusively,
    whenChanged: (...watch) => void watched.push(watch),
    close,
  }
}
