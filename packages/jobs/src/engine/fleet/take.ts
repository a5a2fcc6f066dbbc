import type { ClaimedRun, NewRun, Taken } from '../engine.ts'
import type { Query } from './database.ts'
import { claimedRunOf, type ClaimedRow, claimSql } from './claim.ts'
import { enqueueBatch, lockJob } from './enqueue.ts'
import { jobIdOf, queueOf } from './queue.ts'
import { requeue } from './records.ts'
import type { FleetStore } from './store.ts'

/** Makes a run, or finds the one of the same work, and leases it here in one transaction, before any worker can. */
export async function take(store: FleetStore, run: NewRun): Promise<Taken> {
  const queue = queueOf(run.job)
  await store.queue.require([queue])
  const [next] = await store.database.query<{ id: number }>("select nextval('run_id_seq') as id")
  return store.database.transaction(async (query) => {
    await lockJob(store, query, queue)
    const aside = await asideRun(query, { ...run, job: queue })
    if (aside !== undefined) await requeue(store, query, queue, aside)
    const candidate = { ...run, job: queue, id: String(next?.id) }
    const id = aside ?? (await enqueueBatch(store, query, [candidate]))[0]?.id ?? ''
    return { id, claimed: await leaseOne(store, query, { id, job: run.job }) }
  })
}

/** Leases one queued run here, be it due or not. */
export function claimRun(store: FleetStore, run: RunOfJob): Promise<ClaimedRun | undefined> {
  return store.database.transaction((query) => leaseOne(store, query, run))
}

interface RunOfJob {
  readonly id: string
  readonly job: string
}

/** The latest run, if it is of the same work, was put aside, and no other of that work is unfinished. */
async function asideRun(query: Query, { job, tenant, key }: NewRun): Promise<string | undefined> {
  const [row] = await query<{ id: string; fits: boolean }>(
    `select r.id::text as id, r.state = 'dead' and r.key = $3 and not exists (select from run t where t.job = $1
         and t.tenant = $2 and hashtextextended(t.key, 0) = hashtextextended($3, 0) and t.key = $3
         and t.state = 'queued') as fits
     from run r where r.job = $1 and r.tenant = $2 and r.state not in ('skipped', 'superseded')
     order by r.id desc limit 1`,
    [job, tenant, key],
  )
  return row?.fits ? row.id : undefined
}

/** What pg-boss's own claim does, of one job, due and free or not. */
async function leaseOne(
  store: FleetStore,
  query: Query,
  { id, job }: RunOfJob,
): Promise<ClaimedRun | undefined> {
  const now = store.queue.now()
  const statement = `update ${store.queue.table} j set state = 'active', blocked = false, started_on = ${now},
      heartbeat_on = ${now}, retry_count = j.retry_count + case when j.started_on is null then 0 else 1 end
    where j.name = $1 and j.id = $2 and j.state < 'active' returning j.id, j.retry_count as "retryCount"`
  const [row] = await query<ClaimedRow>(claimSql(store, statement), [queueOf(job), jobIdOf(id)])
  if (row === undefined) return undefined
  await query("update run set waits_for = '' where id = $1 and waits_for <> ''", [id])
  return claimedRunOf(row, job)
}
