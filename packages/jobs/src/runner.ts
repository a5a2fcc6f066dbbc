import { join } from 'node:path'
import { type Environment, systemClock } from '@tomte/client'
import { attemptOf, costOf } from './attempt.ts'
import { type Now, systemNow } from './clock.ts'
import type { Daemon, Job, JobContext, RunCost } from './daemon.ts'
import { checkDaemon } from './definition.ts'
import { EmbeddedEngine } from './engine/embedded.ts'
import type { ClaimedRun, NewRun, RunState } from './engine/engine.ts'
import { JobError } from './errors.ts'
import { checkInput, findJob, requestedRun } from './new-run.ts'
import { resultError, runError } from './outcome.ts'
import { type Surroundings, surroundingsOf } from './surroundings.ts'

/** What a run is given from outside. */
export interface RunOptions {
  /** What the job is to do; checked against its schema. */
  readonly input: Readonly<Record<string, unknown>>
  /** Where checkpoints are kept. */
  readonly dataFolder: string
  /** Where the identity and the APIs' addresses come from, before what the daemon says of them. */
  readonly environment: Environment
  /** Where the daemon was defined: its relative paths start at that folder. Default: the working folder. */
  readonly configFile?: string | undefined
  /** Where to work, of a job with `tenants: 'each'` too. Default: the tenant of the identity. */
  readonly tenant?: string | undefined
  /** Lets the run disable or delete more than the limit of its job. */
  readonly beyondLimit?: boolean | undefined
  readonly progress?: JobContext<unknown>['progress']
  readonly log?: JobContext<unknown>['log']
  readonly signal?: AbortSignal
  readonly now?: Now
}

/** How a run ended: what the job returned, and what it cost. */
export interface RunOutcome {
  readonly result: object & RunCost
  readonly summary: string
}

/**
 * Runs one job of a daemon in this process, once, to its end; an unfinished run of the same work is resumed where its last
 * checkpoint stands. What fails is not tried again: the next run goes on.
 *
 * @throws JobError if there is no such job, its input is unfit, or its checkpoint cannot be kept.
 * @throws TomteError from the client, whose class is the remedy.
 */
export async function runJob(daemon: Daemon, name: string, options: RunOptions): Promise<RunOutcome> {
  checkDaemon(daemon)
  const job = findJob(daemon, name)
  checkInput(job, name, options.input)
  const surroundings = await surroundingsOf(daemon, options)
  const tenant = options.tenant ?? surroundings.tenant
  const requested = await requestedRun(daemon, name, { input: options.input, tenant })
  const { now = systemNow } = options
  const engine = await EmbeddedEngine.open(join(options.dataFolder, 'jobs.db'), {
    clock: { ...systemClock, now },
  })
  try {
    const run = await takeRun(engine, { ...requested, tenant, others: 'supersede' })
    return await finish(engine, job, { run, surroundings, options })
  } finally {
    await engine.close()
  }
}

/** Nobody else has the file, so there is no state in which the run would be somebody else's. */
async function takeRun(engine: EmbeddedEngine, requested: NewRun): Promise<ClaimedRun> {
  while ((await engine.recover()).length > 0);
  const aside = await asideRun(engine, requested)
  const id = aside ? (await engine.retry(aside)).id : (await engine.enqueue([requested]))[0]?.id
  const run = await engine.claimRun(id ?? '')
  if (run === undefined) throw new Error(`the run ${id} was made and is not there`)
  return run
}

const PASSED_OVER = new Set<RunState>(['skipped', 'superseded'])
const LOOKED_AT = 100

/** The latest run, if it is of the same work and was put aside: its checkpoint is where to go on. */
async function asideRun(engine: EmbeddedEngine, { job, tenant, key }: NewRun): Promise<string | undefined> {
  const runs = await engine.runs({ job, tenant, limit: LOOKED_AT })
  const latest = runs.find(({ state }) => !PASSED_OVER.has(state))
  return latest?.state === 'dead' && latest.key === key ? latest.id : undefined
}

interface Taken {
  readonly run: ClaimedRun
  readonly surroundings: Surroundings
  readonly options: RunOptions
}

async function finish(
  engine: EmbeddedEngine,
  job: Job<object>,
  { run, surroundings, options }: Taken,
): Promise<RunOutcome> {
  const { now = systemNow, log = () => {}, progress = () => {} } = options
  const signal = options.signal ?? new AbortController().signal
  if (run.resumed) log('Resuming the run that was interrupted, from its last checkpoint')
  const attempt = attemptOf({
    run: { ...run, input: options.input },
    job,
    checkpoints: engine.checkpoints,
    beyondLimit: options.beyondLimit ?? surroundings.beyondLimit.has(run.job),
    place: surroundings.placeIn(run.tenant),
    signal,
    log,
    progress,
    now,
  })
  try {
    const returned = await attempt.result()
    const unfit = resultError(returned)
    if (unfit) throw new JobError(unfit.message, unfit)
    const { traffic } = attempt
    const result = { ...(returned as object), ...costOf(traffic) }
    await engine.settle([{ run, as: 'finished', result, traffic }])
    return { result, summary: job.summary?.(result) ?? '' }
  } catch (error) {
    const traffic = attempt.traffic
    const left = signal.aborted
      ? ({ run, as: 'released', traffic } as const)
      : ({ run, as: 'retried', traffic, error: runError(error), atMs: now() } as const)
    // Why the run ended is what a person has to hear, also where that cannot be written down.
    await engine.settle([left]).catch(() => [])
    throw error
  }
}
