import type { EmbeddedDatabase } from './embedded-database.ts'
import type { StoredSchedule } from './engine.ts'

/** Every schedule that was stored, by the names of their jobs. */
export function findSchedules(db: EmbeddedDatabase): readonly StoredSchedule[] {
  const rows = db.all<StoredSchedule>(
    'select job, definition, version, last_firing_ms as "lastFiringMs" from schedule order by job',
  )
  return rows.map((row) => ({ ...row }))
}

/** Within a transaction: stores a schedule if what is there is what was expected; returns whether it did. */
export function storeSchedule(
  db: EmbeddedDatabase,
  { job, definition, version, lastFiringMs }: StoredSchedule,
  expected: StoredSchedule | undefined,
): boolean {
  const changed =
    expected === undefined
      ? db.change(
          `insert into schedule (job, definition, version, last_firing_ms) values (?, ?, ?, ?)
            on conflict do nothing`,
          job,
          definition,
          version,
          lastFiringMs,
        )
      : db.change(
          `update schedule set definition = ?, version = ?, last_firing_ms = ?
            where job = ? and definition = ? and version = ? and last_firing_ms = ?`,
          definition,
          version,
          lastFiringMs,
          job,
          expected.definition,
          expected.version,
          expected.lastFiringMs,
        )
  return changed === 1
}
