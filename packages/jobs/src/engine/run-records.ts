import type { Kysely, Selectable } from 'kysely'
import { JobError } from '../errors.ts'
import type { Progress, RunError, RunQuery, RunRecord, Traffic } from './engine.ts'
import type { RunTables } from './run-tables.ts'

export type RunRow = Selectable<RunTables['run']>

/** A row as people see it. */
export function recordOf(row: RunRow): RunRecord {
  return {
    id: String(row.id),
    job: row.job,
    tenant: row.tenant,
    state: row.state,
    key: row.key,
    input: JSON.parse(row.input) as object,
    firingMs: row.firing_ms ?? undefined,
    parent: row.parent === null ? undefined : String(row.parent),
    priority: row.priority,
    queuedAtMs: row.queued_at_ms,
    startedAtMs: row.started_at_ms ?? undefined,
    endedAtMs: row.ended_at_ms ?? undefined,
    notBeforeMs: row.not_before_ms,
    failures: row.failures,
    deaths: row.deaths,
    worker: row.worker ?? undefined,
    progress: parsed<Progress>(row.progress),
    result: parsed<object>(row.result),
    error: parsed<RunError>(row.error),
    traffic: JSON.parse(row.traffic) as Traffic,
  }
}

const parsed = <T>(text: string | null): T | undefined =>
  text === null ? undefined : (JSON.parse(text) as T)

const LIMIT_MAX = 1_000

/** Runs as a query asks for them, newest first. */
export async function findRuns(db: Kysely<RunTables>, query: RunQuery): Promise<readonly RunRecord[]> {
  const { job, tenant, states, parent, before } = query
  let rows = db.selectFrom('run').selectAll().orderBy('id', 'desc')
  if (job !== undefined) rows = rows.where('job', '=', job)
  if (tenant !== undefined) rows = rows.where('tenant', '=', tenant)
  if (states !== undefined) rows = rows.where('state', 'in', states)
  if (parent !== undefined) rows = rows.where('parent', '=', idOf(parent))
  if (before !== undefined) rows = rows.where('id', '<', idOf(before))
  const limit = Math.min(Math.max(1, Math.trunc(query.limit)), LIMIT_MAX)
  return (await rows.limit(limit).execute()).map(recordOf)
}

/** How many runs each job has in each unfinished state. */
export async function findDepth(db: Kysely<RunTables>) {
  const rows = await db
    .selectFrom('run')
    .select(({ fn }) => ['job', 'state', fn.countAll<number>().as('runs'), fn.min('not_before_ms').as('due')])
    .where('state', 'in', ['queued', 'running'])
    .groupBy(['job', 'state'])
    .orderBy('job')
    .execute()
  return [...new Set(rows.map(({ job }) => job))].map((job) => {
    const of = (state: string) => rows.find((row) => row.job === job && row.state === state)
    const queued = of('queued')
    return {
      job,
      queued: Number(queued?.runs ?? 0),
      running: Number(of('running')?.runs ?? 0),
      oldestDueAtMs: queued?.due,
    }
  })
}

/** An id as the tables have it; what is none belongs to no run. */
export const idOf = (id: string): number => (/^\d{1,15}$/.test(id) ? Number(id) : -1)

export const unknownRun = (id: string): JobError =>
  new JobError(`Cannot find the run '${id.slice(0, 40)}', as a run of the history is needed: there is none`, {
    code: 'run_unknown',
    hint: 'tomte jobs history lists the runs',
  })

export const unfinishedRun = (id: string, found: string): JobError =>
  new JobError(`Cannot retry the run '${id}', as it must have ended: ${found}`, {
    code: 'run_unfinished',
    hint: 'Cancel it first, or wait until it has ended',
  })

export const endedRun = (id: string, state: string): JobError =>
  new JobError(`Cannot cancel the run '${id}', as it must be queued or running: it is ${state}`, {
    code: 'run_ended',
  })

/** How many deaths make the run itself the likely cause. */
export const DEATHS_MAX = 5

export const diedTooOften: RunError = {
  code: 'worker_died',
  message: `Cannot go on with the run, as a worker must outlive it: ${DEATHS_MAX} workers died with it, one after another, and nothing was saved between`,
  hint: 'Look for what it does to its process, memory above all; tomte jobs retry brings it back',
}

export const leaseLost = (): JobError =>
  new JobError('Cannot save the checkpoint, as the lease of the run is needed: it has ended', {
    code: 'lease_lost',
    hint: 'Nothing is lost: another worker goes on from the last checkpoint',
  })
