import type { StoredSchedule } from '../engine.ts'
import type { FleetStore } from './store.ts'

export function findSchedules({ database }: FleetStore): Promise<readonly StoredSchedule[]> {
  return database.query<StoredSchedule>(
    'select job, definition, version, last_firing_ms as "lastFiringMs" from schedule order by job',
  )
}

/** Stores a schedule if what is there is still `expected`; found as it is to be, it was stored by a call whose answer was lost. */
export async function saveSchedule(
  { database }: FleetStore,
  { job, definition, version, lastFiringMs }: StoredSchedule,
  expected: StoredSchedule | undefined,
): Promise<boolean> {
  const values = [job, definition, version, lastFiringMs]
  const saved = expected
    ? await database.query(
        `update schedule set definition = $2, version = $3, last_firing_ms = $4
         where job = $1 and definition = $5 and version = $6 and last_firing_ms = $7 returning job`,
        [...values, expected.definition, expected.version, expected.lastFiringMs],
      )
    : await database.query(
        `insert into schedule (job, definition, version, last_firing_ms) values ($1, $2, $3, $4)
         on conflict do nothing returning job`,
        values,
      )
  return saved.length === 1
}
