import type { ClaimedRun, Interruption, Progress, Settlement } from '../engine.ts'
import { queueOf } from './queue.ts'
import { type FleetStore, leased, msSql, timeSql } from './store.ts'
import { wakeWaiting } from './waiting.ts'

/** How many runs one statement takes. */
const BATCH = 1_000

/** Ends or requeues runs, in one statement; one that was settled before under the same epoch is left as it is. */
export async function settle(
  store: FleetStore,
  settlements: readonly Settlement[],
): Promise<readonly string[]> {
  const lost: string[] = []
  for (let start = 0; start < settlements.length; start += BATCH) {
    const batch = settlements.slice(start, start + BATCH)
    const rows = await store.database.query<{ id: number | null; waiting: boolean }>(settleSql(store), [
      JSON.stringify(batch.map(settlementRow)),
      store.worker,
    ])
    lost.push(...rows.flatMap(({ id }) => (id === null ? [] : [String(id)])))
    const returned = batch.flatMap((each) =>
      'atMs' in each || each.as === 'released' ? [each.atMs ?? 0] : [],
    )
    if (returned.length > 0) await store.tell(store.database.query, Math.min(...returned) || undefined)
    if (rows.some(({ waiting }) => waiting)) await wakeWaiting(store)
  }
  return lost
}

const settlementRow = (settlement: Settlement) => {
  const { run, traffic, as } = settlement
  return {
    id: run.id,
    queue: queueOf(run.job),
    epoch: run.epoch,
    as,
    traffic: JSON.stringify(traffic),
    at: 'atMs' in settlement ? settlement.atMs : undefined,
    result: as === 'finished' ? JSON.stringify(settlement.result) : undefined,
    error: 'error' in settlement && settlement.error ? JSON.stringify(settlement.error) : undefined,
  }
}

const settleSql = (store: FleetStore): string => `
  with s as materialized (
    select s.*, s."as" in ('retried', 'released') and r.cancel_asked = 0 as returns, r.settled_epoch as settled
    from json_to_recordset($1::json) as s(id bigint, queue text, epoch bigint, "as" text, traffic text, at bigint,
      result text, error text)
    left join run r on r.id = s.id),
  gone as (delete from ${store.queue.table} j using s where ${leased('s')} and not s.returns
    returning s.*, j.started_on),
  back as (update ${store.queue.table} j set state = 'retry', heartbeat_on = null,
      start_after = coalesce(${timeSql('s.at')}, ${store.queue.now()})
    from s where ${leased('s')} and s.returns returning s.*, j.started_on),
  moved as (select * from gone union all select * from back),
  settled as (update run r set
      state = case when m.returns then 'queued' when m."as" in ('retried', 'released') then 'cancelled' else m."as" end,
      ended_at_ms = case when not m.returns then ${store.nowMs()} end,
      not_before_ms = case when m.returns then coalesce(m.at, ${store.nowMs()}) else r.not_before_ms end,
      started_at_ms = coalesce(r.started_at_ms, ${msSql('m.started_on')}), epoch = m.epoch,
      settled_epoch = m.epoch, deaths = r.deaths + m.epoch - 1 - r.epoch,
      failures = r.failures + case when m."as" in ('retried', 'dead') then 1 else 0 end,
      worker = $2, result = m.result, error = m.error, traffic = m.traffic,
      progress = case when m.returns then null else r.progress end
    from moved m where r.id = m.id returning r.id, r.job, r.tenant, r.state, r.version, m.epoch),
  finished as (select id from settled where state in ('finished', 'superseded') and version > 0),
  steps as (delete from step using finished f where step.run_id = f.id),
  entries as (delete from entry using finished f where entry.run_id = f.id)
  select s.id, false as waiting from s
  where (s.id, s.epoch) not in (select id, epoch from settled) and s.settled is distinct from s.epoch
  union all select null, true where exists (select from settled e join run w on w.job = e.job and w.tenant = e.tenant
    and w.state = 'queued' and w.waits_for = 'others')`

/** Extends leases, keeps progress, and says which runs to stop. */
export async function heartbeat(
  store: FleetStore,
  runs: readonly (Pick<ClaimedRun, 'id' | 'job' | 'epoch'> & { readonly progress: Progress | undefined })[],
): Promise<readonly Interruption[]> {
  if (runs.length === 0) return []
  const rows = runs.map(({ id, job, epoch, progress }) => ({
    id,
    queue: queueOf(job),
    epoch,
    progress: progress && JSON.stringify(progress),
  }))
  const found = await store.database.query<{ id: number; lost: boolean }>(
    `with s as materialized (select * from json_to_recordset($1::json)
       as s(id bigint, queue text, epoch bigint, progress text)),
     touched as (update ${store.queue.table} j set heartbeat_on = ${store.queue.now()} from s where ${leased('s')}
       returning s.id, s.epoch),
     noted as (update run r set progress = coalesce(s.progress, r.progress), worker = $2
       from s join touched t on t.id = s.id and t.epoch = s.epoch
       where r.id = s.id and (r.worker is distinct from $2 or s.progress is not null)),
     gone as (select id from s where not exists (select from touched t where t.id = s.id and t.epoch = s.epoch))
     select id, true as lost from gone
     union all select t.id, false from touched t join run r on r.id = t.id where r.cancel_asked = 1`,
    [JSON.stringify(rows), store.worker],
  )
  return found.map(({ id, lost }) => ({ id: String(id), why: lost ? 'lease lost' : 'cancelled' }))
}
