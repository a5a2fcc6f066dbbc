import { systemClock } from '@tomte/client'
import pg from 'pg'
import { steadyNow } from '../../clock.ts'
import { explainFault, isPassing, placeOf, readAddress } from './faults.ts'

const CONNECTIONS_MAX = 10
const CONNECT_LIMIT_MS = 5_000
const STATEMENT_LIMIT_MS = 30_000
// The server ends a statement; this is for a server that does not answer at all.
const ANSWER_LIMIT_MS = 32_000
const IDLE_LIMIT_MS = 60_000
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

const INT8 = 20

/** PostgreSQL's 64-bit integers are numbers here: milliseconds, which are exact for 285,000 years. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as never,
}

/** Sends one statement and returns its rows. */
export type Query = <Row>(text: string, values?: readonly unknown[]) => Promise<readonly Row[]>

/** A PostgreSQL, over connections that come and go. */
export interface Database {
  /**
   * Sends one statement that does no harm twice; while the server is away it is sent again, for `persistMs` at most.
   *
   * @throws JobError
   */
  readonly query: Query
  /** Runs statements as one transaction, all of it again if the server goes away; what it does must do no harm twice. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>
  /** Where it is, for messages: without user and password. */
  readonly place: string
  /** What a connection of its own is made with. */
  readonly connection: pg.ClientConfig
  /** Says of an error of this database what a person can do. */
  readonly explain: (error: unknown) => Error
  close(): Promise<void>
}

/**
 * Opens connections to a PostgreSQL when they are needed.
 *
 * @throws JobError `database_address_invalid`
 */
export function openDatabase(
  address: string,
  { schema, persistMs }: { readonly schema: string; readonly persistMs: number },
): Database {
  const place = placeOf(readAddress(address))
  const connection: pg.ClientConfig = {
    connectionString: address,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    application_name: 'tomte jobs',
    keepAlive: true,
    types,
  }
  const prepare = (client: pg.ClientBase): unknown => client.query(settingsOf(schema))
  const pool = new pg.Pool({
    ...connection,
    max: CONNECTIONS_MAX,
    idleTimeoutMillis: IDLE_LIMIT_MS,
    statement_timeout: STATEMENT_LIMIT_MS,
    query_timeout: ANSWER_LIMIT_MS,
    idle_in_transaction_session_timeout: STATEMENT_LIMIT_MS,
    onConnect: prepare,
  })
  // A lost connection is told by the statement that needs it; told as an event, it would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => void client.on('error', () => {}))
  const persist = persistence(persistMs, (error) => explainFault(place, error))
  return {
    connection,
    place,
    explain: (error) => explainFault(place, error),
    query: (text, values) => persist(() => rowsOf(pool, text, values)),
    transaction: (work) => persist(() => inTransaction(pool, work)),
    close: () => pool.end(),
  }
}

async function rowsOf<Row>(
  connection: Pick<pg.Pool, 'query'>,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly Row[]> {
  const result = (await connection.query<Row & pg.QueryResultRow>(text, [...values])) as
    | pg.QueryResult<Row & pg.QueryResultRow>
    | readonly pg.QueryResult<Row & pg.QueryResultRow>[]
  // pg-boss sends several statements as one text.
  return 'rows' in result ? result.rows : result.flatMap(({ rows }) => rows)
}

/**
 * What each connection is told first. What is acknowledged is on the disk, whatever the server was told for others. Each of our
 * statements finds a few rows by their keys: a plan that reads a whole table instead would be made from stale statistics.
 */
const settingsOf = (schema: string): string => `
  select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off';
  set search_path = ${schema}; set enable_seqscan = off; set enable_bitmapscan = off; set enable_mergejoin = off;
  set jit = off`

async function inTransaction<T>(pool: pg.Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let isLost = false
  try {
    await client.query('begin')
    const result = await work((text, values) => rowsOf(client, text, values))
    await client.query('commit')
    return result
  } catch (error) {
    isLost = isPassing(error)
    if (!isLost) await client.query('rollback').catch(() => (isLost = true))
    throw error
  } finally {
    client.release(isLost)
  }
}

/** Makes what repeats work that fails for a passing reason, with growing pauses, until `limitMs` is over. */
function persistence(limitMs: number, explain: (error: unknown) => Error) {
  return async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAtMs = steadyNow()
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await work()
      } catch (error) {
        if (!isPassing(error) || steadyNow() - startedAtMs + pauseMs > limitMs) throw explain(error)
        await systemClock.sleep(pauseMs)
      }
    }
  }
}
