import type { Engine, RunQuery, RunRecord, RunState } from '../engine/engine.ts'
import type { Daemon } from '../daemon.ts'
import { unknownRun } from '../engine/run-records.ts'
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

/** Where people look at runs and decide on them: the database itself, or the daemon that holds it. */
export interface Desk {
  status(): Promise<DaemonStatus>
  runs(query: RunQuery): Promise<readonly RunRecord[]>
  /** @throws JobError `run_unknown` */
  run(id: string): Promise<RunRecord>
  retry(id: string): Promise<RunRecord>
  cancel(id: string): Promise<RunRecord>
  pause(job: string, paused: boolean): Promise<void>
  close(): Promise<void>
}

/** What a desk at the database stands on. */
export interface DeskOptions {
  readonly engine: Engine
  readonly daemon: () => Daemon
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
    async run(id) {
      const found = await engine.run(id)
      if (found) return found
      throw unknownRun(id)
    },
    retry: (id) => engine.retry(id),
    cancel: (id) => engine.cancel(id),
    pause: (job, paused) => engine.pause(job, paused),
    close: async () => {},
  }
}
