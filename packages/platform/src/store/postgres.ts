import {
  CompiledQuery,
  type Dialect,
  HandleEmptyInListsPlugin,
  Kysely,
  PostgresDialect,
  replaceWithNoncontingentExpression,
  sql,
} from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import { PlatformError } from '../errors.ts'
import type { Database } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import { observedDialect } from './observed-dialect.ts'
import { postgresColumns } from './postgres-columns.ts'
import { databaseFault, placeOf, readAddress } from './postgres-errors.ts'
import { LOCKS, tellOfChanges } from './postgres-triggers.ts'
import type { Schema } from './schema.ts'
import { Turns } from './turns.ts'
import { explainPostgres } from './unavailable.ts'

const CONNECTIONS_MAX = 10
const CONNECT_LIMIT_MS = 5_000
const STATEMENT_LIMIT_MS = 10_000
// The server ends a statement; this is for a server that does not answer at all.
const ANSWER_LIMIT_MS = 12_000
const IDLE_LIMIT_MS = 30_000
/** One transaction works and the next already waits at the lock, so that nobody waits for the network between two of them. */
const TRANSACTIONS_AT_ONCE = 2
const TURN_LIMIT_MS = 20_000
const TRANSACTIONS_WAITING_MAX = 1_000
/** How long a start waits for another replica that migrates. */
const START_LIMIT_MS = 120_000
const VERSION_MIN = 14

const INT8 = 20

/** PostgreSQL's 64-bit integers are numbers here: milliseconds and positions, which are exact for 285,000 years. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
}

/** A PostgreSQL that holds a platform's data. */
export interface Postgres {
  readonly db: Database
  /** What a connection of its own is made with. */
  readonly connection: pg.ClientConfig
  /** Runs what one process at a time may do, in whichever replica. */
  readonly exclusively: <T>(act: () => Promise<T>) => Promise<T>
}

/**
 * Opens a PostgreSQL 14 or later, checks it, and brings it to this release's schema; replicas that start at once take turns.
 *
 * @throws PlatformError if the address is none, or its server cannot be reached, refuses the user, or cannot be used.
 */
export async function openPostgres(address: string, onChange: () => void): Promise<Postgres> {
  const url = readAddress(address)
  const connection: pg.ClientConfig = {
    connectionString: address,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    application_name: 'tomte platform',
    keepAlive: true,
    types,
  }
  const exclusively = <T>(act: () => Promise<T>) => underLock(connection, act)
  try {
    await exclusively(() => migrate(connection))
  } catch (error) {
    throw databaseFault(placeOf(url), error)
  }
  const dialect = observedDialect(poolDialect(connection), {
    onChange,
    explain: explainPostgres,
    // Transactions read before they write, so they take turns, as they do on SQLite's one connection: in this process before
    // they have a connection, and among replicas by a lock.
    turns: new Turns({
      atOnce: TRANSACTIONS_AT_ONCE,
      waitMs: TURN_LIMIT_MS,
      waitingMax: TRANSACTIONS_WAITING_MAX,
    }),
    onBegin: async (begun) => {
      await begun.executeQuery(
        CompiledQuery.raw(`select pg_advisory_xact_lock(${LOCKS.family}, ${LOCKS.transaction})`),
      )
    },
  })
  return { db: new Kysely<Schema>({ dialect, plugins: [emptyLists()] }), connection, exclusively }
}

/** A list of no values holds nothing: SQLite says so by itself, PostgreSQL does not read it. */
const emptyLists = () => new HandleEmptyInListsPlugin({ strategy: replaceWithNoncontingentExpression })

/** A client whose server must be there soon, however long its pool lets others wait for a connection. */
class PromptClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_LIMIT_MS })
  }
}

function poolDialect(connection: pg.ClientConfig): Dialect {
  const pool = new pg.Pool({
    ...connection,
    Client: PromptClient,
    max: CONNECTIONS_MAX,
    // The pool takes it for the wait until a connection is free, too: the last of many reads is not refused.
    connectionTimeoutMillis: STATEMENT_LIMIT_MS,
    idleTimeoutMillis: IDLE_LIMIT_MS,
    statement_timeout: STATEMENT_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    idle_in_transaction_session_timeout: STATEMENT_LIMIT_MS,
  })
  outliveConnections(pool)
  return new PostgresDialect({
    pool,
    // What is acknowledged is on the disk, whatever the server was told for others.
    onCreateConnection: async (created) => {
      await created.executeQuery(
        CompiledQuery.raw(
          "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
        ),
      )
    },
  })
}

/** A lost connection is told by the statement that needs it; told as an event, it would end the process. */
function outliveConnections(pool: pg.Pool): void {
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
}

async function underLock<T>(connection: pg.ClientConfig, act: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...connection, lock_timeout: START_LIMIT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1, $2)', [LOCKS.family, LOCKS.start])
    return await act()
  } finally {
    // The lock goes with the connection.
    await client.end().catch(() => {})
  }
}

async function migrate(connection: pg.ClientConfig): Promise<void> {
  const pool = new pg.Pool({ ...connection, max: 2 })
  outliveConnections(pool)
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) })
  try {
    await requireServer(db)
    const { error } = await new Migrator({
      db: db.withPlugin(postgresColumns()),
      provider: { getMigrations: async () => MIGRATIONS },
    }).migrateToLatest()
    if (error) throw error
    await tellOfChanges(db)
  } finally {
    await db.destroy()
  }
}

async function requireServer(db: Database): Promise<void> {
  const { rows } = await sql<{ version: string; encoding: string }>`
    select current_setting('server_version') as version, current_setting('server_encoding') as encoding`.execute(
    db,
  )
  const { version = '', encoding = '' } = rows[0] ?? {}
  if (Number.parseInt(version, 10) < VERSION_MIN)
    throw refused('database_too_old', `PostgreSQL ${VERSION_MIN} or later is needed`, `version ${version}`)
  if (encoding !== 'UTF8')
    throw refused('database_encoding', 'its encoding must be UTF8', `the encoding ${encoding}`)
}

const refused = (code: string, needed: string, found: string) =>
  new PlatformError(`Cannot keep the platform's data in this PostgreSQL, as ${needed}: found ${found}`, {
    code,
    hint: 'Give the platform another database with --database',
  })
