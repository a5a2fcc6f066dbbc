import type { Database, Query } from './database.ts'
import { jobIdSql, type Queue } from './queue.ts'
import type { Schemas } from './schemas.ts'

/** What the parts of the fleet's engine work on. */
export interface FleetStore {
  readonly database: Database
  readonly queue: Queue
  readonly schemas: Schemas
  /** Who claims here, as people see it. */
  readonly worker: string
  readonly noTraffic: string
  /** The time in milliseconds, as SQL. */
  readonly nowMs: () => string
  /** Tells all workers, when the transaction is committed, that a run is due: at once, or at that time. */
  readonly tell: (query: Query, dueMs: number | undefined) => Promise<void>
}

/** The time in milliseconds, as SQL, of a time as SQL. */
export const msSql = (time: string): string => `(extract(epoch from ${time}) * 1000)::bigint`

/** How often a job has been claimed, as SQL: pg-boss counts from the second on. */
export const claims = (job: string): string =>
  `${job}.retry_count + case when ${job}.started_on is null then 0 else 1 end`

/** Milliseconds as a time of SQL. */
export const timeSql = (ms: string): string => `to_timestamp(${ms} / 1000.0)`

/** The job in pg-boss that a lease is of, as SQL: `s` says which; nothing if another has the lease, or it has ended. */
export const leased = (of: string): string =>
  `j.name = ${of}.queue and j.id = ${jobIdSql(`${of}.id`)} and j.state = 'active' and j.retry_count = ${of}.epoch - 1`
