import type { Capacity, ClaimedRun, Traffic } from '../engine.ts'
import { LEASE_MS, queueOf, runIdSql } from './queue.ts'
import { type FleetStore, msSql } from './store.ts'

/** A run that was claimed, as the database tells of it. */
export interface ClaimedRow {
  readonly id: number
  readonly tenant: string
  readonly input: string
  readonly key: string
  readonly firing: number | null
  readonly parent: number | null
  readonly version: number
  readonly due: number
  readonly epoch: number
  readonly failures: number
  readonly deaths: number
  readonly resumed: boolean
  readonly traffic: string
  readonly leased: number
}

/** Takes due runs, at most what each job has room for. */
export async function claim(
  store: FleetStore,
  capacities: readonly Capacity[],
): Promise<readonly ClaimedRun[]> {
  const wanted = capacities.filter(({ runs }) => runs > 0)
  if (wanted.length === 0) return []
  const due = await findDue(
    store,
    wanted.map(({ job }) => queueOf(job)),
  )
  const claimed: ClaimedRun[] = []
  for (const { job, runs } of wanted) {
    const queue = queueOf(job)
    if (!due.has(queue)) continue
    await store.queue.require([queue])
    claimed.push(...(await claimOf(store, { job, runs })))
  }
  return claimed
}

/** Which of these queues have something to do and are not paused: one look, in place of a claim in vain of each. */
async function findDue({ database, queue }: FleetStore, queues: readonly string[]): Promise<Set<string>> {
  const rows = await database.query<{ name: string }>(
    `select q.name from unnest($1::text[]) as q(name) where not exists (select from pause p where p.job = q.name)
       and exists (select from ${queue.table} j where j.name = q.name and j.state < 'active' and not j.blocked
         and j.start_after <= ${queue.now()})`,
    [queues],
  )
  return new Set(rows.map(({ name }) => name))
}

async function claimOf(store: FleetStore, { job, runs }: Capacity): Promise<readonly ClaimedRun[]> {
  const rows = await store.queue.fetch<ClaimedRow>(store.database.query, queueOf(job), runs, (statement) =>
    claimSql(store, statement),
  )
  return rows.map((row) => claimedRunOf(row, job))
}

export function claimedRunOf(row: ClaimedRow, job: string): ClaimedRun {
  return {
    id: String(row.id),
    job,
    tenant: row.tenant,
    input: JSON.parse(row.input) as object,
    key: row.key,
    firingMs: row.firing ?? undefined,
    parent: row.parent === null ? undefined : String(row.parent),
    epoch: row.epoch,
    failures: row.failures,
    deaths: row.deaths,
    version: row.version,
    dueAtMs: row.due,
    resumed: row.resumed,
    traffic: JSON.parse(row.traffic) as Traffic,
    leasedUntilMs: row.leased,
  }
}

/**
 * pg-boss's claim, and what is known of the runs, in one statement. Each claim of a job raises its `retryCount`, so that and
 * one is the epoch; those between it and the last epoch that ended well are the deaths.
 */
export const claimSql = ({ queue }: FleetStore, statement: string): string => `
  with claimed as (${statement})
  select r.id, r.tenant, r.input, r.key, r.firing_ms as firing, r.parent,
    r.version, r.not_before_ms as due, c."retryCount" + 1 as epoch, r.failures,
    r.deaths + c."retryCount" - r.epoch as deaths, r.version > 0 as resumed, r.traffic,
    ${msSql(queue.now())} + ${LEASE_MS} as leased
  from claimed c join run r on r.id = ${runIdSql('c.id')}
  order by r.priority desc, r.turn, r.id`
