import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { Now } from '../../clock.ts'
import { JobError } from '../../errors.ts'
import { migrateRunTables, type RunTables } from '../run-tables.ts'
import type { Database } from './database.ts'
import { Queue } from './queue.ts'
import type { Schemas } from './schemas.ts'

const VERSION_MIN = 14
/** How long a start waits for another process that migrates. */
const START_LIMIT_MS = 120_000

/** Brings the tables of runs and those of pg-boss to this release's format, one process at a time. */
export async function prepareTables(
  database: Database,
  schemas: Schemas,
  now: Now | undefined,
): Promise<Queue> {
  const client = new pg.Client({ ...database.connection, lock_timeout: START_LIMIT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await requireServer(client)
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [schemas.runs])
    await client.query(`create schema if not exists ${schemas.runs}`)
    await migrate(database, schemas)
    return await Queue.open(database, schemas, now)
  } finally {
    // The lock goes with the connection.
    await client.end().catch(() => {})
  }
}

async function migrate({ connection, place }: Database, schemas: Schemas): Promise<void> {
  const pool = new pg.Pool({ ...connection, max: 1, options: `-c search_path=${schemas.runs}` })
  pool.on('error', () => {})
  const db = new Kysely<RunTables>({ dialect: new PostgresDialect({ pool }) })
  try {
    await migrateRunTables(db, 'postgres', place)
  } finally {
    await db.destroy()
  }
}

async function requireServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string; encoding: string }>(
    "select current_setting('server_version') as version, current_setting('server_encoding') as encoding",
  )
  const { version = '', encoding = '' } = rows[0] ?? {}
  if (Number.parseInt(version, 10) < VERSION_MIN)
    throw refused('database_too_old', `PostgreSQL ${VERSION_MIN} or later is needed`, `version ${version}`)
  if (encoding !== 'UTF8')
    throw refused('database_encoding', 'its encoding must be UTF8', `the encoding ${encoding}`)
}

const refused = (code: string, needed: string, found: string) =>
  new JobError(`Cannot keep runs in this PostgreSQL, as ${needed}: found ${found}`, {
    code,
    hint: 'Give the daemon another database',
  })
