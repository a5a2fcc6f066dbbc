import type { LostRun } from '../engine.ts'
import { DEATHS_MAX, diedTooOften } from '../run-records.ts'
import type { Query } from './database.ts'
import { jobOf, LEASE_MS, runIdSql } from './queue.ts'
import { type FleetStore, leased, msSql } from './store.ts'
import { wakeWaiting } from './waiting.ts'

/** How many runs of dead workers are taken back at once. */
const BATCH = 500

interface LostRow extends Omit<LostRun, 'id'> {
  readonly id: number
  readonly queue: string
  readonly epoch: number
}

/** Takes the runs of workers that are silent for longer than a lease: back to the queue, or out of it at the fifth death. */
export async function recover(store: FleetStore): Promise<readonly LostRun[]> {
  const { isLost, isWaiting } = await look(store)
  const lost = isLost ? await store.database.transaction((query) => takeBack(store, query)) : []
  if (isLost || isWaiting) await wakeWaiting(store)
  return lost.map(({ id, job, tenant, deaths, failures, as }) => ({
    id: String(id),
    job: jobOf(job),
    tenant,
    deaths,
    failures,
    as,
  }))
}

const silent = ({ queue }: FleetStore): string =>
  `j.state = 'active' and j.group_id is not null
     and j.heartbeat_on < ${queue.now()} - interval '${LEASE_MS} milliseconds'`

/** Whether there is anything to do: every worker asks that three times in a lease, and mostly there is not. */
async function look(store: FleetStore) {
  const [found] = await store.database.query<{ isLost: boolean; isWaiting: boolean }>(
    `select exists (select from ${store.queue.table} j where ${silent(store)}) as "isLost",
       exists (select from run where state = 'queued' and waits_for = 'others') as "isWaiting"`,
  )
  return found ?? { isLost: false, isWaiting: false }
}

async function takeBack(store: FleetStore, query: Query): Promise<readonly LostRow[]> {
  const { queue } = store
  const rows = await query<LostRow>(
    `select r.id, r.job, r.tenant, j.name as queue, j.retry_count + 1 as epoch, r.failures,
       r.deaths + j.retry_count + 1 - r.epoch as deaths, case when r.cancel_asked = 1 then 'cancelled'
         when r.deaths + j.retry_count + 1 - r.epoch >= ${DEATHS_MAX} then 'dead' else 'queued' end as "as"
     from ${queue.table} j join run r on r.id = ${runIdSql('j.id')}
     where ${silent(store)}
     limit ${BATCH} for update of j skip locked`,
  )
  if (rows.length === 0) return []
  const s = `s as materialized (select * from json_to_recordset($1::json) as s(id bigint, queue text, epoch bigint,
    deaths int, "as" text))`
  const input = [
    JSON.stringify(rows.map(({ id, queue, epoch, deaths, as }) => ({ id, queue, epoch, deaths, as }))),
  ]
  await query(
    `with ${s}, gone as (delete from ${queue.table} j using s where ${leased('s')} and s."as" <> 'queued'
       returning s.*, j.started_on)
     update run r set state = g."as", ended_at_ms = ${store.nowMs()}, deaths = g.deaths, epoch = g.epoch,
       started_at_ms = coalesce(r.started_at_ms, ${msSql('g.started_on')}),
       error = case when g."as" = 'dead' then $2 else r.error end
     from gone g where r.id = g.id`,
    [...input, JSON.stringify(diedTooOften)],
  )
  await query(
    `with ${s}, back as (update ${queue.table} j set state = 'retry', heartbeat_on = null, start_after = ${queue.now()}
       from s where ${leased('s')} and s."as" = 'queued' returning s.id, j.started_on)
     update run r set progress = null, started_at_ms = coalesce(r.started_at_ms, ${msSql('b.started_on')})
     from back b where r.id = b.id`,
    input,
  )
  await store.tell(query, undefined)
  return rows
}
