import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { errorCode, PlatformError } from '../errors.ts'
import { MIGRATIONS } from './migrations.ts'
import { observedDialect } from './observed-dialect.ts'
import type { Schema } from './schema.ts'
import { openSqlite, sqliteDialect } from './sqlite.ts'
import { rememberSqlite } from './sqlite-handle.ts'

export type Database = Kysely<Schema>

/**
 * Opens the platform's database in a folder, checks it, and brings it to this release's schema. `onChange` is called after every
 * write that may concern a token request.
 *
 * @throws PlatformError if the folder cannot be used, another process holds it, or its contents are damaged.
 */
export async function openDatabase(folder: string, onChange: () => void = () => {}): Promise<Database> {
  const file = join(folder, 'platform.db')
  const sqlite = await open(folder, file)
  const db: Database = new Kysely<Schema>({ dialect: observedDialect(sqliteDialect(sqlite), { onChange }) })
  try {
    const intact = sqlite.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    if (intact !== 'ok') throw damaged(folder, String(intact))
    const { error } = await new Migrator({
      db,
      provider: { getMigrations: async () => MIGRATIONS },
    }).migrateToLatest()
    if (error) throw explain(folder, error)
    rememberSqlite(db, sqlite)
    return db
  } catch (error) {
    await db.destroy()
    if (sqlite.isOpen) sqlite.close()
    throw error instanceof PlatformError ? error : explain(folder, error)
  }
}

async function open(folder: string, file: string): Promise<DatabaseSync> {
  try {
    await mkdir(folder, FOLDER)
    return openSqlite(file)
  } catch (error) {
    throw explain(folder, error)
  }
}

/** Makes a data folder that holds no database. @throws PlatformError if it cannot be made. */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, FOLDER).catch((error: unknown) => {
    throw explain(folder, error)
  })
}

const FOLDER = { recursive: true, mode: 0o700 } as const

// The primary result codes of SQLite, https://www.sqlite.org/rescode.html
const SQLITE = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const

/** The primary result code of an error that node:sqlite threw. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}

/** Whether a write failed because the disk is full. */
export const isDiskFull = (error: unknown): boolean =>
  sqliteCode(error) === SQLITE.full || errorCode(error) === 'ENOSPC'

function explain(folder: string, error: unknown): PlatformError {
  const code = sqliteCode(error)
  const found = error instanceof Error ? error.message : String(error)
  if (code === SQLITE.busy || code === SQLITE.locked) {
    return new PlatformError(
      `Cannot open the data folder '${folder}', as one process at a time may use it: another process holds it`,
      {
        code: 'data_folder_held',
        hint: 'Stop the other process, or give this one a folder of its own with --data',
        cause: error,
      },
    )
  }
  if (code === SQLITE.corrupt || code === SQLITE.notADatabase) return damaged(folder, found)
  if (isDiskFull(error)) {
    return new PlatformError(
      `Cannot write to the data folder '${folder}', as free space is needed: the disk is full`,
      {
        code: 'disk_full',
        hint: 'Free some space and start again: nothing was half-written',
        cause: error,
      },
    )
  }
  return new PlatformError(
    `Cannot use the data folder '${folder}', as it must be a folder that can be written to: ${found}`,
    {
      code: 'data_folder_unusable',
      hint: 'Check its path and permissions, or give another folder with --data',
      cause: error,
    },
  )
}

function damaged(folder: string, found: string): PlatformError {
  return new PlatformError(
    `Cannot open the data folder '${folder}', as its database must be intact: ${oneLine(found)}`,
    {
      code: 'data_folder_damaged',
      hint: 'Restore the folder from a copy, or move it away: the next start makes a new one',
    },
  )
}

/** SQLite reports damage in several lines, the first of them a heading. */
const oneLine = (text: string) => text.replace(/^\*\*\*.*\n/, '').replaceAll('\n', '; ')
