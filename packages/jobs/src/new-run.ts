import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Daemon, Job } from './daemon.ts'
import { rulesOf } from './definition.ts'
import type { NewRun } from './engine/engine.ts'
import { JobError } from './errors.ts'

/** The tenant of a run that makes one run in each tenant of the daemon; no tenant has this name. */
export const EACH_TENANT = '*'

/** Finds a job of a daemon. @throws JobError `job_unknown`. */
export function findJob(daemon: Pick<Daemon, 'jobs'>, name: string): Job<object> {
  const job = Object.hasOwn(daemon.jobs, name) ? daemon.jobs[name] : undefined
  // The input is checked by the job's own schema before the job sees it.
  if (job) return job as unknown as Job<object>
  const names = Object.keys(daemon.jobs).join(', ') || 'none'
  throw new JobError(
    `Cannot run the job '${name}', as it must be defined in tomte.config.ts: defined are ${names}`,
    { code: 'job_unknown' },
  )
}

/** What a job's schema makes of the input. @throws JobError `job_input_invalid`. */
export function checkInput(job: Job<object>, name: string, input: object): object {
  const checked = job.input.safeParse(input)
  if (checked.success) return checked.data
  throw new JobError(
    `Cannot run the job '${name}', as its input must fit its schema: ${z.prettifyError(checked.error)}`,
    {
      code: 'job_input_invalid',
      hint: 'Give each value as name=value, for example file=people.csv',
    },
  )
}

/** For whom, and with what. */
export interface Request {
  readonly input: Readonly<Record<string, unknown>>
  /** The tenant of the daemon's identity. */
  readonly tenant: string
}

/**
 * The run that a person asks for: the same input is the same work. Of a job with `tenants: 'each'` it is the one that makes the
 * others.
 *
 * @throws JobError `job_unknown`, `job_input_invalid`; and whatever the job's `key` throws.
 */
export async function requestedRun(
  daemon: Pick<Daemon, 'jobs'>,
  name: string,
  { input, tenant }: Request,
): Promise<NewRun> {
  const job = findJob(daemon, name)
  const { priority, tenants } = rulesOf(job)
  const key = await keyOf(job, name, input)
  return { job: name, tenant: tenants === 'each' ? EACH_TENANT : tenant, input, key, priority }
}

/** What tells one work of a job from another. @throws JobError `job_input_invalid`; and whatever the job's `key` throws. */
export async function keyOf(job: Job<object>, name: string, input: object): Promise<string> {
  const checked = checkInput(job, name, input)
  return job.key ? job.key(checked) : createHash('sha256').update(JSON.stringify(checked)).digest('hex')
}
