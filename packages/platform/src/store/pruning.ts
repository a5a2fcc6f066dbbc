import { sql } from 'kysely'
import { every, type Now } from '../clock.ts'
import { PlatformError } from '../errors.ts'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const EVERY_MS = 10 * 60 * 1000
const PIECE = 500

/** Rows that go by themselves: the column of their time, and how long after it they stay. */
interface Pruned {
  readonly table: keyof Schema
  readonly key: string
  readonly time: string
  readonly keptMs: (auditRetentionMs: number) => number
}

/** What goes by itself. The two logs are kept as long as Entra keeps them; the rest ends at the time that it states. */
const PRUNED: readonly Pruned[] = [
  { table: 'sign_in', key: 'id', time: 'at_ms', keptMs: () => 30 * DAY_MS },
  { table: 'directory_audit', key: 'id', time: 'at_ms', keptMs: (auditRetentionMs) => auditRetentionMs },
  { table: 'used_assertion', key: 'digest', time: 'expires_at_ms', keptMs: () => 0 },
  { table: 'portal_session', key: 'digest', time: 'ends_at_ms', keptMs: () => 0 },
  // Longer than a name is locked.
  { table: 'portal_attempt', key: 'name_digest', time: 'last_at_ms', keptMs: () => DAY_MS },
]

/** How long the audit of administrative changes is kept unless an option says otherwise (Entra ID P1: 30 days). */
export const AUDIT_RETENTION_DAYS = 30

const RETENTION_DAYS_MAX = 3650

/** Refuses a retention that is no whole number of days from 1 to 3650. @throws PlatformError. */
export function requireRetention(days: number = AUDIT_RETENTION_DAYS): void {
  if (Number.isInteger(days) && days >= 1 && days <= RETENTION_DAYS_MAX) return
  throw new PlatformError(
    `Cannot keep the audit for this long, as a whole number of days from 1 to ${RETENTION_DAYS_MAX} is needed: found ${days}`,
    { code: 'audit_retention_invalid', hint: `Leave it out for ${AUDIT_RETENTION_DAYS} days` },
  )
}

export interface PruningOptions {
  readonly db: Database
  readonly now: Now
  /** How long the audit of administrative changes is kept, in days. */
  readonly auditRetentionDays: number
}

/** Deletes every row whose time is over, in pieces between which others get their turn. Replicas may do so at once. */
export async function prune({ db, now, auditRetentionDays }: PruningOptions): Promise<void> {
  for (const { table, key, time, keptMs } of PRUNED) {
    const before = now() - keptMs(auditRetentionDays * DAY_MS)
    const [from, id, at] = [sql.table(table), sql.ref(key), sql.ref(time)]
    for (let deleted = PIECE; deleted === PIECE; ) {
      const old = sql`select ${id} from ${from} where ${at} < ${before} order by ${at} limit ${PIECE}`
      const { numAffectedRows } = await sql`delete from ${from} where ${id} in (${old})`.execute(db)
      deleted = Number(numAffectedRows ?? 0)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

/** Prunes now and every ten minutes; the returned function ends that, and waits for what is under way. */
export function startPruning(
  options: PruningOptions,
  onFailure: (error: unknown) => void,
): () => Promise<void> {
  let running = Promise.resolve()
  const start = () => {
    running = running.then(() => prune(options)).catch(onFailure)
  }
  const end = every(EVERY_MS, start)
  // A platform that never runs for ten minutes must forget, too.
  start()
  return async () => {
    end()
    await running
  }
}
