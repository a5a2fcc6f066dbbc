import type { Engine, RunQuery, RunRecord } from '../engine.ts'
import { endedRun, idOf, recordOf, type RunRow, unfinishedRun, unknownRun } from '../run-records.ts'
import type { Query } from './database.ts'
import { giveTurns, lockJob } from './enqueue.ts'
import { jobIdOf, jobIdSql, jobOf, queueOf } from './queue.ts'
import { claims, type FleetStore, msSql } from './store.ts'
import { rankOf } from './turns.ts'
import { wakeWaiting } from './waiting.ts'

const LIMIT_MAX = 1_000

/** Runs as the tables of both engines have them; what has not ended is completed by what pg-boss knows of it. */
const recordsSql = ({ queue }: FleetStore, where: string): string => `
  select r.*, case when j.state = 'active' then 'running' else r.state end as state,
    case when j.id is null then r.deaths
      else r.deaths + ${claims('j')} - r.epoch - case when j.state = 'active' then 1 else 0 end end as deaths,
    coalesce(r.started_at_ms, ${msSql('j.started_on')}) as started_at_ms
  from run r left join ${queue.table} j on r.state = 'queued' and j.name = r.job and j.id = ${jobIdSql('r.id')}
  where ${where}`

const recordOfRow = (row: RunRow): RunRecord => ({ ...recordOf(row), job: jobOf(row.job) })

/** Runs as a query asks for them, newest first. */
export async function findRuns(store: FleetStore, query: RunQuery): Promise<readonly RunRecord[]> {
  const values: unknown[] = []
  const where = ['true']
  const add = (value: unknown, condition: (parameter: string) => string) => {
    if (value === undefined) return
    values.push(value)
    where.push(condition(`$${values.length}`))
  }
  const given = <T>(text: string | undefined, read: (text: string) => T) =>
    text === undefined ? undefined : read(text)
  add(given(query.job, queueOf), (job) => `r.job = ${job}`)
  add(query.tenant, (tenant) => `r.tenant = ${tenant}`)
  add(given(query.parent, idOf), (parent) => `r.parent = ${parent}`)
  add(given(query.before, idOf), (id) => `r.id < ${id}`)
  add(
    query.states,
    (states) => `case when j.state = 'active' then 'running' else r.state end = any(${states}::text[])`,
  )
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), LIMIT_MAX)
  const rows = await store.database.query<RunRow>(
    `${recordsSql(store, where.join(' and '))} order by r.id desc limit ${limit}`,
    values,
  )
  return rows.map(recordOfRow)
}

/** The run of this id, or nothing. */
export async function findRun(store: FleetStore, id: string): Promise<RunRecord | undefined> {
  const [row] = await store.database.query<RunRow>(recordsSql(store, 'r.id = $1'), [idOf(id)])
  return row && recordOfRow(row)
}

async function knownRun(store: FleetStore, id: string): Promise<RunRecord> {
  const record = await findRun(store, id)
  if (record === undefined) throw unknownRun(id)
  return record
}

/** Queues an ended run again. */
export async function retry(store: FleetStore, id: string): Promise<RunRecord> {
  const { job } = await knownRun(store, id)
  await store.queue.require([queueOf(job)])
  await store.database.transaction((query) => requeue(store, query, queueOf(job), id))
  return knownRun(store, id)
}

/** Within a transaction: queues an ended run again. */
export async function requeue(store: FleetStore, query: Query, job: string, id: string): Promise<void> {
  await lockJob(store, query, job)
  const [row] = await query<RunRow>(`${recordsSql(store, 'r.id = $1')} for update of r`, [idOf(id)])
  if (row === undefined) throw unknownRun(id)
  if (row.ended_at_ms === null) throw unfinishedRun(id, `it is ${row.state}`)
  const [twin] = await query<{ id: number }>(
    `select id from run where job = $1 and tenant = $2
       and hashtextextended(key, 0) = hashtextextended($3, 0) and key = $3 and state = 'queued'`,
    [job, row.tenant, row.key],
  )
  if (twin) throw unfinishedRun(id, `the run ${twin.id} of the same work has not`)
  const [turn = 0] = await giveTurns(store, query, { job, priority: row.priority }, [row.tenant])
  await query(
    `update run set state = 'queued', waits_for = '', turn = $2, failures = 0, deaths = 0,
       not_before_ms = ${store.nowMs()}, ended_at_ms = null, result = null, error = null, progress = null, cancel_asked = 0
     where id = $1`,
    [idOf(id), turn],
  )
  const rank = rankOf(row.priority, turn)
  await store.queue.insert(query, job, [{ id, rank, notBeforeMs: undefined, waits: false }])
  // Its epochs go on where they ended, so that whoever had it before can write nothing into it.
  await query(
    `update ${store.queue.table} set retry_count = $3, started_on = ${store.queue.now()}
     where name = $1 and id = $2 and $3 >= 0`,
    [job, jobIdOf(id), Number(row.epoch) - 1],
  )
  await store.tell(query, undefined)
}

/** Ends a queued run; asks the worker of a running one to stop. */
export async function cancel(store: FleetStore, id: string): Promise<RunRecord> {
  const { job, state } = await knownRun(store, id)
  if (state !== 'queued' && state !== 'running') throw endedRun(id, state)
  await store.database.query(
    `with gone as (delete from ${store.queue.table} j where j.name = $1 and j.id = $2 and j.state < 'active'
       returning ${claims('j')} as claims)
     update run r set state = case when g.claims is null then r.state else 'cancelled' end,
       waits_for = case when g.claims is null then r.waits_for else '' end,
       deaths = case when g.claims is null then r.deaths else r.deaths + g.claims - r.epoch end,
       epoch = coalesce(g.claims, r.epoch),
       ended_at_ms = case when g.claims is null then r.ended_at_ms else ${store.nowMs()} end,
       cancel_asked = case when g.claims is null then 1 else r.cancel_asked end
     from (select 1) as one left join gone g on true
     where r.id = $3 and r.state = 'queued'`,
    [queueOf(job), jobIdOf(id), idOf(id)],
  )
  await wakeWaiting(store)
  return knownRun(store, id)
}

/** How many runs each job has in each unfinished state. */
export async function findDepth(store: FleetStore): ReturnType<Engine['depth']> {
  const rows = await store.database.query<{
    job: string
    queued: number
    running: number
    due: number | null
  }>(
    `select r.job, count(*) filter (where j.state <> 'active') as queued,
       count(*) filter (where j.state = 'active') as running,
       min(r.not_before_ms) filter (where j.state <> 'active') as due
     from run r join ${store.queue.table} j on j.name = r.job and j.id = ${jobIdSql('r.id')}
     where r.state = 'queued' group by r.job order by r.job`,
  )
  return rows.map(({ job, queued, running, due }) => ({
    job: jobOf(job),
    queued,
    running,
    oldestDueAtMs: due ?? undefined,
  }))
}

/** How many runs one statement deletes. */
const PRUNED = 1_000

/** Deletes ended runs with what belongs to them, the oldest first. */
export async function prune(store: FleetStore, endedBeforeMs: number): Promise<number> {
  const [row] = await store.database.query<{ pruned: number }>(
    `with old as materialized (select id from run where ended_at_ms < $1 order by ended_at_ms limit ${PRUNED}),
     steps as (delete from step using old where step.run_id = old.id),
     entries as (delete from entry using old where entry.run_id = old.id),
     pruned as (delete from run using old where run.id = old.id returning 1)
     select count(*) as pruned from pruned`,
    [endedBeforeMs],
  )
  return row?.pruned ?? 0
}
