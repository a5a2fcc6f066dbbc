import { PgBoss } from 'pg-boss'
import type { Now } from '../../clock.ts'
import type { Database, Query } from './database.ts'
import type { Schemas } from './schemas.ts'

/** A lease lasts ten seconds, which is the shortest that pg-boss knows. */
export const LEASE_MS = 10_000

const MAINTENANCE_SECONDS = 60
const A_DAY_SECONDS = 86_400
const QUEUE_CACHE_SECONDS = 3_600

/** What pg-boss must never do by itself: give a run up, end it for its age, or forget it. */
const FOREVER = 2_000_000_000

/** The queues of pg-boss, one for each job, and the SQL that our statements need of it. */
export class Queue {
  readonly #boss: PgBoss
  readonly #known = new Set<string>()
  readonly #schema: string
  /** The table of its jobs. Its columns are those of the version that package.json names. */
  readonly table: string
  /** The time, as SQL: the database's own, which is the same for all workers. */
  readonly now: () => string

  private constructor(database: Database, schemas: Schemas, now: Now | undefined) {
    this.#schema = schemas.queue
    this.table = `${schemas.queue}.job_common`
    this.now = now ? () => `timestamptz '${new Date(now()).toISOString()}'` : () => 'now()'
    this.#boss = new PgBoss({
      db: {
        executeSql: async (text, values) => ({ rows: [...(await database.query<never>(text, values))] }),
      },
      schema: schemas.queue,
      schedule: false,
      supervise: now === undefined,
      superviseIntervalSeconds: MAINTENANCE_SECONDS,
      monitorIntervalSeconds: MAINTENANCE_SECONDS,
      maintenanceIntervalSeconds: A_DAY_SECONDS,
      queueCacheIntervalSeconds: QUEUE_CACHE_SECONDS,
      bamIntervalSeconds: MAINTENANCE_SECONDS * 10,
      flowIntervalSeconds: A_DAY_SECONDS,
    })
    // What it cannot do in the background it tries again; what is asked of it here throws by itself.
    this.#boss.on('error', () => {})
  }

  /** Brings pg-boss's schema to its version and starts its maintenance; whoever shares it takes turns. */
  static async open(database: Database, schemas: Schemas, now: Now | undefined): Promise<Queue> {
    const queue = new Queue(database, schemas, now)
    await queue.#boss.start()
    return queue
  }

  /** pg-boss reads the clock by one function of its own. */
  #timed(statement: string): string {
    return statement.replaceAll(`${this.#schema}.job_now()`, this.now())
  }

  /** Makes the queues that are not there yet. */
  async require(names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#known.has(name)) continue
      await this.#boss.createQueue(name, {
        retryLimit: FOREVER,
        retentionSeconds: FOREVER,
        heartbeatSeconds: LEASE_MS / 1000,
      })
      this.#known.add(name)
    }
  }

  /** Adds runs to a queue, as a part of a transaction. */
  async insert(query: Query, name: string, jobs: readonly QueuedJob[]): Promise<void> {
    const rows = jobs.map(({ id, rank, notBeforeMs }) => ({
      id: jobIdOf(id),
      priority: rank,
      ...(notBeforeMs === undefined ? {} : { startAfter: new Date(notBeforeMs).toISOString() }),
      expireInSeconds: FOREVER,
      // Of jobs in a group alone there is an index by which the leased ones are found.
      group: { id: name },
    }))
    await this.#boss.insert(name, rows, { db: this.#within(query) })
    const blocked = jobs.filter(({ waits }) => waits).map(({ id }) => jobIdOf(id))
    if (blocked.length === 0) return
    await query(`update ${this.table} set blocked = true where name = $1 and id = any($2::uuid[])`, [
      name,
      blocked,
    ])
  }

  /** Leases up to `limit` due runs; `around` makes of pg-boss's statement the one that is sent. */
  async fetch<Row>(
    query: Query,
    name: string,
    limit: number,
    around: (statement: string) => string,
  ): Promise<readonly Row[]> {
    let rows: readonly Row[] = []
    const executeSql = async (text: string, values: unknown[] = []) => {
      rows = await query<Row>(around(this.#timed(text)), values)
      return { rows: [] }
    }
    await this.#boss.fetch(name, { batchSize: limit, db: { executeSql } })
    return rows
  }

  #within(query: Query) {
    return {
      executeSql: async (text: string, values?: unknown[]) => ({
        rows: [...(await query<never>(this.#timed(text), values))],
      }),
    }
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false })
  }
}

/** A run as it enters its queue. */
export interface QueuedJob {
  readonly id: string
  readonly rank: number
  readonly notBeforeMs: number | undefined
  /** Whether it is not to be leased before it is said so. */
  readonly waits: boolean
}

/** The id of a run's job in pg-boss: the run's own number, written as a UUID. */
export function jobIdOf(id: string): string {
  const digits = BigInt(id).toString(16).padStart(32, '0')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** The same as {@link jobIdOf}, in SQL. */
export const jobIdSql = (id: string): string => `lpad(to_hex(${id}), 32, '0')::uuid`

/** The number of a run, in SQL, from its job's id. */
export const runIdSql = (uuid: string): string =>
  `('x' || substr(replace(${uuid}::text, '-', ''), 17))::bit(64)::bigint`

/** pg-boss takes a few characters in the name of a queue; all others, and the full stop, are written as `.hex.`. */
export const queueOf = (job: string): string =>
  job.replaceAll(/[^\w-]/gu, (character) => `.${character.codePointAt(0)?.toString(16)}.`)

/** The job of a queue's name. */
export const jobOf = (queue: string): string =>
  queue.replaceAll(/\.([0-9a-f]+)\./g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)))
