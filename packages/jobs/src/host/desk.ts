import type { Engine, RunQuery, RunRecord, RunState } from '../engine/engine.ts'
import type { Daemon } from '../daemon.ts'
import { unknownRun } from '../engine/run-records.ts'
import { requestedRun } from '../new-run.ts'
import type { NextFiring } from '../scheduler.ts'

/** A job as people see it. */
export interface JobStatus {
  readonly job: string
  /** Five fields of cron. */
  readonly schedule: string | undefined
  readonly timeZone: string | undefined
  readonly nextAtMs: number | undefined
  readonly paused: boolean
  readonly queued: number
  readonly running: number
  readonly oldestDueAtMs: number | undefined
  /** How the last run that has ended did so. */
  readonly last: LastRun | undefined
}

/** What is told of a run without its input and result. */
export interface LastRun {
  readonly id: string
  readonly state: RunState
  readonly endedAtMs: number | undefined
  /** The stable code of what went wrong. */
  readonly code: string | undefined
}

/** A daemon as people see it. */
export interface DaemonStatus {
  readonly daemon: string
  readonly nowMs: number
  readonly ready: boolean
  readonly jobs: readonly JobStatus[]
}

/** What a person, or another program, asks a daemon to do. */
export interface RunRequest {
  readonly job: string
  /** Checked against the schema of the job. */
  readonly input: Readonly<Record<string, unknown>>
  /** Where to work, of a job with `tenants: 'each'` too. Default: the tenant of the identity, or each. */
  readonly tenant?: string | undefined
  /** Not to be started before, in ms since 1970. Default: now. */
  readonly notBeforeMs?: number | undefined
}

/** Where people look at runs and decide on them: the database itself, or the daemon that holds it. */
export interface Desk {
  status(): Promise<DaemonStatus>
  runs(query: RunQuery): Promise<readonly RunRecord[]>
  /** @throws JobError `run_unknown` */
  run(id: string): Promise<RunRecord>
  /**
   * Queues a run; in place of a new one, the unfinished run of the same work. It is on the disk when this resolves.
   *
   * @throws JobError `job_unknown`, `job_input_invalid`
   */
  start(request: RunRequest): Promise<RunRecord>
  /** Queues an ended run again. @throws JobError `run_unknown`, `run_unfinished` */
  retry(id: string): Promise<RunRecord>
  /** Ends a queued run, or asks the worker of a running one to stop. @throws JobError `run_unknown`, `run_ended` */
  cancel(id: string): Promise<RunRecord>
  /** Keeps runs of a job from starting, or lets them start again. */
  pause(job: string, paused: boolean): Promise<void>
  close(): Promise<void>
}

/** What a desk at the database stands on. */
export interface DeskOptions {
  readonly engine: Engine
  readonly daemon: () => Daemon
  /** The tenant of the daemon's identity. @throws ConfigurationError if there is none. */
  readonly tenant: () => Promise<string>
  readonly next: () => readonly NextFiring[]
  readonly ready: () => boolean
  readonly now: () => number
}

const ENDED: readonly RunState[] = ['finished', 'dead', 'cancelled', 'unconsented', 'superseded']

/** The state of every job: what its definition says, and what the engine knows. */
export async function statusOf(options: DeskOptions): Promise<DaemonStatus> {
  const { engine, now } = options
  const daemon = options.daemon()
  const [paused, depth] = await Promise.all([engine.paused(), engine.depth()])
  const next = new Map(options.next().map(({ job, atMs }) => [job, atMs]))
  // Jobs that are not defined any more may have runs all the same.
  const names = [...new Set([...Object.keys(daemon.jobs), ...depth.map(({ job }) => job)])]
  const jobs = await Promise.all(
    names.map(async (job): Promise<JobStatus> => {
      const rules = Object.hasOwn(daemon.jobs, job) ? daemon.jobs[job] : undefined
      const counts = depth.find((each) => each.job === job)
      const [last] = await engine.runs({ job, states: ENDED, limit: 1 })
      return {
        job,
        schedule: rules?.schedule,
        timeZone: rules?.schedule === undefined ? undefined : (rules.timeZone ?? 'UTC'),
        nextAtMs: next.get(job),
        paused: paused.includes(job),
        queued: counts?.queued ?? 0,
        running: counts?.running ?? 0,
        oldestDueAtMs: counts?.oldestDueAtMs,
        last: last && { id: last.id, state: last.state, endedAtMs: last.endedAtMs, code: last.error?.code },
      }
    }),
  )
  return { daemon: daemon.name ?? 'daemon', nowMs: now(), ready: options.ready(), jobs }
}

/** A desk at the database itself. Closing it leaves the engine open. */
export function engineDesk(options: DeskOptions): Desk {
  const { engine } = options
  return {
    status: () => statusOf(options),
    runs: (query) => engine.runs(query),
    run: (id) => findRun(engine, id),
    async start({ job, input, tenant, notBeforeMs }) {
      const own = tenant ?? (await options.tenant())
      const run = await requestedRun(options.daemon(), job, { input, tenant: own })
      const [made] = await engine.enqueue([{ ...run, tenant: tenant ?? run.tenant, notBeforeMs }])
      return findRun(engine, made?.id ?? '')
    },
    retry: (id) => engine.retry(id),
    cancel: (id) => engine.cancel(id),
    pause: (job, paused) => engine.pause(job, paused),
    close: async () => {},
  }
}

async function findRun(engine: Engine, id: string): Promise<RunRecord> {
  const found = await engine.run(id)
  if (found) return found
  throw unknownRun(id)
}
