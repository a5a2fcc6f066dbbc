import { checkInput, keyOf } from './new-run.ts'
import { ledger, stepper } from './checkpoint.ts'
import type { Now } from './clock.ts'
import type { Job, JobContext, RunCost } from './daemon.ts'
import { rulesOf } from './definition.ts'
import type { ClaimedRun, RunCheckpoints, RunLease, Traffic } from './engine/engine.ts'
import { JobError } from './errors.ts'
import { LimitGuard } from './rehearsal/limit.ts'
import { memoryCheckpoints } from './rehearsal/memory-checkpoints.ts'
import { type EffectCounts, PlanRecorder } from './rehearsal/plan.ts'
import { realStage, rehearsalStage, type Stage } from './rehearsal/stage.ts'
import type { Place } from './surroundings.ts'

/** What one attempt of a run needs. */
export interface AttemptOptions {
  readonly run: ClaimedRun
  readonly job: Job<object>
  readonly checkpoints: RunCheckpoints
  readonly place: Place
  readonly signal: AbortSignal
  readonly log: JobContext<unknown>['log']
  readonly progress: JobContext<unknown>['progress']
  readonly now: Now
  /** Lets the run go beyond the limit of its job. */
  readonly beyondLimit?: boolean | undefined
  /** Makes the attempt a rehearsal: its effects are written down here and are none. */
  readonly recorder?: PlanRecorder | undefined
}

/** One attempt of a run. */
export interface Attempt {
  /** What the run has cost so far, over all attempts. */
  readonly traffic: Traffic
  /**
   * Does the work, or goes on with it, and returns what the job returned.
   *
   * @throws JobError `job_input_invalid`, `checkpoint_newer`, `work_changed`; and whatever the job throws.
   */
  result(): Promise<unknown>
}

/** Prepares an attempt; nothing is done before its result is asked for. */
export function attemptOf(all: AttemptOptions): Attempt {
  const { run, job, place, now, ...options } = all
  const { version } = rulesOf(job)
  const { signal } = options
  const lease = { id: run.id, epoch: run.epoch, version }
  const { identity } = place
  const before = spent(place)
  const startedAtMs = now()
  const traffic = (): Traffic => {
    const after = spent(place)
    return {
      tokenRequests: run.traffic.tokenRequests + after.tokenRequests - before.tokenRequests,
      apiRequests: run.traffic.apiRequests + after.apiRequests - before.apiRequests,
      retries: run.traffic.retries + after.retries - before.retries,
      milliseconds: run.traffic.milliseconds + Math.max(0, now() - startedAtMs),
    }
  }
  return {
    get traffic() {
      return traffic()
    },
    async result() {
      if (run.version > version) throw newerCheckpoint(run, version)
      const input = checkInput(job, run.job, run.input)
      const kept = await checkpointsOfWork(all, lease)
      const { rehearsal, api, change, checkpoints } = await stageOf(
        { ...all, checkpoints: kept },
        input,
        lease,
      )
      const step = stepper({ checkpoints, run: lease, traffic, signal })
      return job.run({
        input,
        identity,
        rehearsal,
        api,
        change,
        tenant: run.tenant,
        runId: run.id,
        attempt: run.failures + 1,
        step,
        ledger: ledger({ checkpoints, run: lease }),
        progress: options.progress,
        log: options.log,
        now,
        signal,
      })
    },
  }
}

// A collection of the ledger that no job has.
const WORK = ' work'

/** The key of a run's work is another one than it began with, as of a file that was replaced. */
export class WorkChanged extends JobError {
  /** What it is now. */
  readonly key: string

  constructor({ id, job }: ClaimedRun, key: string) {
    super(
      `Cannot go on with the run ${id} of '${job}', as its work must be what it began with: it has changed`,
      {
        code: 'work_changed',
        hint: 'Run the job again: that is another run, from the beginning',
      },
    )
    this.key = key
  }
}

/**
 * Where steps stand in one work means nothing in another, so the key is kept with the first of them.
 *
 * @throws WorkChanged; and whatever the job's `key` throws.
 */
async function checkpointsOfWork(options: AttemptOptions, lease: RunLease): Promise<RunCheckpoints> {
  const { run, job, checkpoints, recorder } = options
  if (job.key === undefined || recorder !== undefined) return checkpoints
  const key = await keyOf(job, run.job, run.input)
  const begun = run.resumed ? (await checkpoints.findEntries(lease, WORK, ['key'])).get('key') : undefined
  if (begun !== undefined && begun !== key) throw new WorkChanged(run, key)
  return begun === undefined ? keepingKey(checkpoints, key) : checkpoints
}

function keepingKey(checkpoints: RunCheckpoints, key: string): RunCheckpoints {
  let isKept = false
  return {
    step: (run, name) => checkpoints.step(run, name),
    async saveStep(run, name, step, entries, traffic) {
      await checkpoints.saveStep(run, name, step, isKept ? entries : { ...entries, [WORK]: { key } }, traffic)
      isKept = true
    },
    findEntries: (run, collection, keys) => checkpoints.findEntries(run, collection, keys),
    pageEntries: (run, collection, after, limit) => checkpoints.pageEntries(run, collection, after, limit),
  }
}

/** Where the attempt has its effects; the limit of the job is looked to before the job is asked to do anything. */
async function stageOf(
  options: AttemptOptions,
  input: object,
  lease: RunLease,
): Promise<Stage & Pick<AttemptOptions, 'checkpoints'>> {
  const { job, place, run, checkpoints, signal, recorder, beyondLimit = false } = options
  if (recorder !== undefined) return { ...rehearsalStage(place.api, recorder), checkpoints }
  const real = realStage(place.api)
  if (job.limit === undefined || beyondLimit) return { ...real, checkpoints }
  const guard = new LimitGuard(run.job, job.limit, { input, api: place.api, tenant: run.tenant, signal })
  const kept = await guard.over(checkpoints, lease)
  await guard.preview(() => countsOf(options))
  return { ...guard.stage(real), checkpoints: kept }
}

/** What the attempt would do, found out by a rehearsal from where the run stands. */
async function countsOf(options: AttemptOptions): Promise<EffectCounts> {
  const recorder = new PlanRecorder()
  const quiet = { log: () => {}, progress: () => {} }
  const checkpoints = memoryCheckpoints(options.checkpoints)
  await attemptOf({ ...options, ...quiet, checkpoints, recorder }).result()
  return recorder.plan.counts
}

function spent({ identity, api }: Place): Omit<Traffic, 'milliseconds'> {
  const apis = Object.values(api)
  return {
    tokenRequests: identity.tokenRequests,
    apiRequests: apis.reduce((total, { requests }) => total + requests, 0),
    retries: apis.reduce((total, { retries }) => total + retries, 0),
  }
}

/** What a run has cost, for people. */
export function costOf({ milliseconds, ...counts }: Traffic): RunCost {
  return { ...counts, seconds: Math.round(milliseconds / 10) / 100 }
}

const newerCheckpoint = ({ id, job, version: found }: ClaimedRun, version: number) =>
  new JobError(
    `Cannot go on with the run ${id} of '${job}', as its checkpoint must be of version ${version} of the job or lower: it is of ${found}`,
    {
      code: 'checkpoint_newer',
      hint: 'Start the newer version: it goes on from the checkpoint; or raise the version of this one if it can read it',
    },
  )
