import { attemptOf, costOf } from '../attempt.ts'
import { systemNow } from '../clock.ts'
import type { Daemon, RunCost } from '../daemon.ts'
import { checkDaemon } from '../definition.ts'
import { type ClaimedRun, NO_TRAFFIC } from '../engine/engine.ts'
import { JobError } from '../errors.ts'
import { checkInput, findJob } from '../new-run.ts'
import { resultError } from '../outcome.ts'
import type { RunOptions } from '../runner.ts'
import { surroundingsOf } from '../surroundings.ts'
import { type LimitFinding, LimitGuard } from './limit.ts'
import { memoryCheckpoints } from './memory-checkpoints.ts'
import { PlanRecorder, type RehearsalPlan } from './plan.ts'

/** What a rehearsal has found out. */
export interface Rehearsal {
  readonly plan: RehearsalPlan
  /** What the job returned when its writes were answered as if they had been done. */
  readonly result: object & RunCost
  readonly summary: string
  /** How the plan compares with the limit of the job, if it has one. */
  readonly limit: LimitFinding | undefined
}

/**
 * Runs a job from its beginning and changes nothing: its APIs read, and what they are asked to write is written down and answered
 * like a success. Nothing is stored, and an unfinished run is left as it is. What a job does past its APIs and `change()` is its own
 * and is not held back.
 *
 * @throws JobError if there is no such job or its input is unfit; what the job throws.
 * @example
 * ```ts
 * import { defineDaemon, rehearseJob } from '@tomte/jobs'
 * declare const daemon: ReturnType<typeof defineDaemon>
 * const { plan } = await rehearseJob(daemon, 'provision', { input: { file: 'people.csv' }, environment: process.env })
 * console.log(plan.counts)
 * ```
 */
export async function rehearseJob(
  daemon: Daemon,
  name: string,
  options: Omit<RunOptions, 'dataFolder'>,
): Promise<Rehearsal> {
  checkDaemon(daemon)
  const job = findJob(daemon, name)
  const input = checkInput(job, name, options.input)
  const surroundings = await surroundingsOf(daemon, options)
  const { now = systemNow, log = () => {}, progress = () => {} } = options
  const signal = options.signal ?? new AbortController().signal
  const tenant = options.tenant ?? surroundings.tenant
  const place = surroundings.placeIn(tenant)
  const recorder = new PlanRecorder()
  const attempt = attemptOf({
    run: rehearsedRun(name, tenant, { input: options.input, nowMs: now() }),
    checkpoints: memoryCheckpoints(),
    job,
    place,
    signal,
    log,
    progress,
    now,
    recorder,
  })
  const returned = await attempt.result()
  const unfit = resultError(returned)
  if (unfit) throw new JobError(unfit.message, unfit)
  const { plan } = recorder
  const guard = job.limit && new LimitGuard(name, job.limit, { input, api: place.api, tenant, signal })
  const limit = await guard?.findingOf(plan.counts)
  const result = { ...(returned as object), ...costOf(attempt.traffic) }
  return { plan, result, summary: job.summary?.(result) ?? '', limit }
}

/** A run that no engine knows. */
function rehearsedRun(
  job: string,
  tenant: string,
  { input, nowMs }: { readonly input: object; readonly nowMs: number },
): ClaimedRun {
  return {
    id: 'rehearsal',
    job,
    tenant,
    input,
    key: '',
    parent: undefined,
    firingMs: undefined,
    dueAtMs: nowMs,
    epoch: 0,
    version: 0,
    failures: 0,
    deaths: 0,
    resumed: false,
    traffic: NO_TRAFFIC,
    leasedUntilMs: nowMs,
  }
}
