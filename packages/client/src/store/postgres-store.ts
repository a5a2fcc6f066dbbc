import { randomFraction } from '../clock.ts'
import { ConfigurationError } from '../errors.ts'
import type { ClosableStore } from './redis-store.ts'
import { ENTRY_MAX_BYTES, type StoredEntry } from './store.ts'

/** What the store needs of a pool of connections; a `Pool` of the package `pg` has it. */
export interface PostgresPool {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
  end?(): Promise<void>
}

/** How PostgreSQL is reached: by an address, or by a pool that the application makes and ends itself. */
export type PostgresStoreOptions = (
  | {
      /** As libpq reads it: `postgres://user:password@host/database?sslmode=verify-full`. */
      readonly connectionString: string
    }
  | { readonly pool: PostgresPool }
) & {
  /** From 0 up to, not including, 1; says which writes also delete what is over. */
  readonly random?: (() => number) | undefined
}

const CONNECTIONS_MAX = 4
const STATEMENT_LIMIT_MS = 1_000
// The server ends a statement; this is for a server that does not answer at all.
const ANSWER_LIMIT_MS = 2_000
const IDLE_LIMIT_MS = 30_000
/** One write of so many deletes what is over, a bounded number of rows at a time. */
const WRITES_FOR_EACH_CLEANING = 100

const UNDEFINED_TABLE = '42P01'
/** What a second process finds that makes the same table in the same moment: PostgreSQL tells of it in three ways. */
const MADE_MEANWHILE: readonly unknown[] = ['23505', '42P07', '42710']

const TABLE = `create unlogged table if not exists tomte_token_store (
  name text primary key,
  value bytea,
  ends_at timestamptz,
  holder text,
  leased_until timestamptz
)`
const GET = `select value, (extract(epoch from ends_at - clock_timestamp()) * 1000)::float8 as rest_ms
  from tomte_token_store
  where name = $1 and ends_at > clock_timestamp() and octet_length(value) <= ${ENTRY_MAX_BYTES}`
const PUT = `insert into tomte_token_store (name, value, ends_at)
  values ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
  on conflict (name) do update set value = excluded.value, ends_at = excluded.ends_at`
const LEASE = `insert into tomte_token_store as known (name, holder, leased_until)
  values ($1, $2, clock_timestamp() + $3::float8 * interval '1 millisecond')
  on conflict (name) do update set holder = excluded.holder, leased_until = excluded.leased_until
  where known.leased_until is null or known.leased_until <= clock_timestamp()
  returning name`
const RELEASE = `update tomte_token_store set holder = null, leased_until = null where name = $1 and holder = $2`
const CLEAN = `delete from tomte_token_store where name in (
  select name from tomte_token_store
  where coalesce(ends_at, '-infinity') <= clock_timestamp() and coalesce(leased_until, '-infinity') <= clock_timestamp()
  limit 1000 for update skip locked)`

/**
 * Shares tokens by a table `tomte_token_store` in PostgreSQL 12 or later, in the first schema of the search path. It is
 * made if it is missing, unlogged: tokens are not worth a log, and after a crash of the server it is empty. An address
 * needs the package `pg`, which is loaded on first use.
 *
 * @throws ConfigurationError if the address is none of PostgreSQL.
 * @example
 * ```ts
 * import { postgresStore } from '@tomte/client/store'
 *
 * const store = postgresStore({ connectionString: 'postgres://daemon@db.example/tokens?sslmode=verify-full' })
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): ClosableStore {
  const { random = randomFraction } = options
  return 'pool' in options
    ? new PostgresStore(async () => options.pool, false, random)
    : new PostgresStore(pooler(checkedAddress(options.connectionString)), true, random)
}

class PostgresStore implements ClosableStore {
  readonly #open: () => Promise<PostgresPool>
  readonly #isOwn: boolean
  readonly #random: () => number
  #pool: Promise<PostgresPool> | undefined

  constructor(open: () => Promise<PostgresPool>, isOwn: boolean, random: () => number) {
    this.#open = open
    this.#isOwn = isOwn
    this.#random = random
  }

  async get(name: string): Promise<StoredEntry | undefined> {
    const [row] = await this.#query(GET, [name])
    const { value, rest_ms: restMs } = (row ?? {}) as { readonly value?: unknown; readonly rest_ms?: unknown }
    return value instanceof Uint8Array ? { value, restMs: Number(restMs) } : undefined
  }

  async put(name: string, value: Uint8Array, lifetimeMs: number): Promise<void> {
    await this.#query(PUT, [name, Buffer.from(value), lifetimeMs])
    if (this.#random() < 1 / WRITES_FOR_EACH_CLEANING) await this.#query(CLEAN, [])
  }

  async lease(name: string, holder: string, lifetimeMs: number): Promise<boolean> {
    return (await this.#query(LEASE, [name, holder, lifetimeMs])).length > 0
  }

  async release(name: string, holder: string): Promise<void> {
    await this.#query(RELEASE, [name, holder])
  }

  async close(): Promise<void> {
    const pool = this.#pool
    this.#pool = undefined
    if (this.#isOwn) await (await pool?.catch(() => undefined))?.end?.()
  }

  /** Runs one statement; the table is made when it turns out to be missing, which may need a right the others do not. */
  async #query(text: string, values: unknown[]): Promise<readonly unknown[]> {
    this.#pool ??= this.#open()
    const pool = await this.#pool
    try {
      return (await pool.query(text, values)).rows
    } catch (error) {
      if (codeOf(error) !== UNDEFINED_TABLE) throw error
    }
    await pool.query(TABLE, []).catch((error: unknown) => {
      if (!MADE_MEANWHILE.includes(codeOf(error))) throw error
    })
    return (await pool.query(text, values)).rows
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

function pooler(connectionString: string): () => Promise<PostgresPool> {
  return async () => {
    const { Pool } = await loadPg()
    const pool = new Pool({
      connectionString,
      max: CONNECTIONS_MAX,
      // Idle connections do not keep the process alive.
      allowExitOnIdle: true,
      idleTimeoutMillis: IDLE_LIMIT_MS,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      statement_timeout: STATEMENT_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
      application_name: 'tomte token store',
    })
    // A connection that breaks while it is idle is replaced; without a listener it would end the process.
    pool.on('error', () => {})
    return pool
  }
}

async function loadPg() {
  try {
    return (await import('pg')).default
  } catch (error) {
    throw new ConfigurationError(
      'Cannot share tokens by PostgreSQL, as the package pg is needed: it could not be loaded',
      { code: 'store_driver_missing', hint: 'Run `npm install pg`, or pass a pool', cause: error },
    )
  }
}

/** The address, which is not repeated in the error: it may hold a password. */
function checkedAddress(connectionString: string): string {
  const protocol = URL.canParse(connectionString) ? new URL(connectionString).protocol : 'no URL'
  if (protocol === 'postgres:' || protocol === 'postgresql:') return connectionString
  throw new ConfigurationError(
    `Cannot share tokens by PostgreSQL, as an address that begins with postgres:// is needed: found ${protocol}`,
    { code: 'store_address_invalid', hint: 'Write it like postgres://user:password@db.example/database' },
  )
}
