import { rowsOf } from '../embedded-checkpoints.ts'
import { leaseLost } from '../run-records.ts'
import type { RunCheckpoints, RunLease } from '../engine.ts'
import { jobIdSql, queueOf } from './queue.ts'
import type { FleetStore } from './store.ts'

/** Steps and ledgers in PostgreSQL: one statement reads or writes all that a call asks for. */
export function fleetCheckpoints(
  store: FleetStore,
  jobOfRun: (run: RunLease) => Promise<string>,
): RunCheckpoints {
  const { query } = store.database
  return {
    async step({ id }, name) {
      const [row] = await query<{ finished: number; value: string }>(
        'select finished, value from step where run_id = $1 and name = $2',
        [id, name],
      )
      return row && { finished: row.finished === 1, value: JSON.parse(row.value) as unknown }
    },
    async saveStep(run, name, { finished, value }, entries, traffic) {
      const rows = rowsOf(entries).map(([collection, key, entry]) => ({ collection, key, value: entry }))
      const [saved] = await query<{ leases: number }>(saveSql(store), [
        queueOf(await jobOfRun(run)),
        run.id,
        run.epoch,
        name,
        finished ? 1 : 0,
        JSON.stringify(value ?? null),
        JSON.stringify(rows),
        JSON.stringify(traffic),
        run.version,
      ])
      if (saved?.leases !== 1) throw leaseLost()
    },
    async findEntries({ id }, collection, keys) {
      const rows = await query<EntryRow>(
        'select key, value from entry where run_id = $1 and collection = $2 and key = any($3::text[])',
        [id, collection, keys],
      )
      return entryMap(rows)
    },
    async pageEntries({ id }, collection, after, limit) {
      const rows = await query<EntryRow>(
        'select key, value from entry where run_id = $1 and collection = $2 and key > $3 order by key limit $4',
        [id, collection, after, limit],
      )
      return entryMap(rows)
    },
  }
}

interface EntryRow {
  readonly key: string
  readonly value: string
}

const entryMap = (rows: readonly EntryRow[]) =>
  new Map(rows.map(({ key, value }) => [key, JSON.parse(value) as unknown]))

/**
 * The lease is locked for as long as the write takes, so that nobody takes the run over between the two. What is saved
 * proves that the run is not what kills its workers: deaths are counted anew.
 */
const saveSql = ({ queue }: FleetStore): string => `
  with lease as materialized (select j.id from ${queue.table} j
    where j.name = $1 and j.id = ${jobIdSql('$2::bigint')} and j.state = 'active' and j.retry_count = $3::bigint - 1
    for no key update),
  saved as (insert into step (run_id, name, finished, value) select $2::bigint, $4, $5::int, $6 from lease
    on conflict (run_id, name) do update set finished = excluded.finished, value = excluded.value),
  entries as (insert into entry (run_id, collection, key, value)
    select $2::bigint, e.collection, e.key, e.value
    from lease cross join json_to_recordset($7::json) as e(collection text, key text, value text)
    on conflict (run_id, collection, key) do update set value = excluded.value),
  noted as (update run set traffic = $8, version = greatest(version, $9::int), deaths = 0, epoch = $3::bigint - 1
    from lease where run.id = $2::bigint)
  select count(*)::int as leases from lease`
