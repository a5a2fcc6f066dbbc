import { type Clock, type Environment, systemClock } from '@tomte/client'
import { attemptOf, costOf } from './attempt.ts'
import { type Now, systemNow } from './clock.ts'
import type { Daemon, Job, JobContext, RunCost } from './daemon.ts'
import { checkDaemon } from './definition.ts'
import type { ClaimedRun, Engine, NewRun, Progress, RunRecord, Settlement, Traffic } from './engine/engine.ts'
import { JobError } from './errors.ts'
import { follow, keepLease, leaseGone } from './foreground.ts'
import { openEngine } from './host/engine-choice.ts'
import { checkInput, findJob, requestedRun } from './new-run.ts'
import { resultError, runError } from './outcome.ts'
import { type Surroundings, surroundingsOf } from './surroundings.ts'
import { startWatchdog } from './watchdog.ts'

/** What a run is given from outside. */
export interface RunOptions {
  /** What the job is to do; checked against its schema. */
  readonly input: Readonly<Record<string, unknown>>
  /** Where checkpoints are kept, without a database. */
  readonly dataFolder: string
  /** PostgreSQL in place of SQLite in the data folder; default: `TOMTE_DATABASE_URL` of the environment, or SQLite. */
  readonly databaseUrl?: string | undefined
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
 * checkpoint stands. What fails is not tried again: the next run goes on. On PostgreSQL no worker can take the run meanwhile; one
 * that has the same work already is waited for, with its progress, result or failure.
 *
 * @throws JobError if there is no such job, its input is unfit, or its checkpoint cannot be kept; on PostgreSQL `run_cancelled`,
 * `run_lease_lost`, and `run_elsewhere` when the signal is aborted while another worker goes on.
 * @throws TomteError from the client, whose class is the remedy.
 * @example
 * ```ts
 * import { defineDaemon, runJob } from '@tomte/jobs'
 * declare const daemon: ReturnType<typeof defineDaemon>
 * const { summary } = await runJob(daemon, 'provision', {
 *   input: { file: 'people.csv' },
 *   dataFolder: '.tomte',
 *   environment: process.env,
 *   progress: (done, total, what) => console.log(`${done}/${total} ${what}`),
 * })
 * console.log(summary)
 * ```
 */
export async function runJob(daemon: Daemon, name: string, options: RunOptions): Promise<RunOutcome> {
  checkDaemon(daemon)
  const job = findJob(daemon, name)
  checkInput(job, name, options.input)
  const surroundings = await surroundingsOf(daemon, options)
  const tenant = options.tenant ?? surroundings.tenant
  const requested = await requestedRun(daemon, name, { input: options.input, tenant })
  const { now = systemNow } = options
  const clock = { ...systemClock, now }
  const engine = await openEngine({ ...options, daemon, clock })
  // Before another worker may take a run, this process has to be unable to go on with it.
  const watchdog = engine.isShared ? startWatchdog(engine.leaseMs) : undefined
  try {
    return await take(engine, { job, clock, surroundings, options, requested: { ...requested, tenant } })
  } finally {
    await watchdog?.stop()
    await engine.close()
  }
}

interface Foreground {
  readonly job: Job<object>
  readonly clock: Clock
  readonly surroundings: Surroundings
  readonly options: RunOptions
}

/** On a file, what is unfinished under another key is nobody's any more; in a fleet it is the workers'. */
async function take(
  engine: Engine,
  { requested, ...foreground }: Foreground & { readonly requested: NewRun },
): Promise<RunOutcome> {
  const { job, clock, options } = foreground
  const { log = () => {}, progress = () => {}, signal = NEVER } = options
  const { id, claimed } = await engine.take(
    engine.isShared ? requested : { ...requested, others: 'supersede' },
  )
  const run = claimed ?? (await follow(engine, id, { clock, signal, log, progress }))
  return 'epoch' in run ? finish(engine, run, foreground) : outcomeOf(job, run)
}

const NEVER = new AbortController().signal

/** How a run ended that another worker had. */
function outcomeOf(job: Job<object>, { id, state, result, error, traffic }: RunRecord): RunOutcome {
  if (state === 'finished') {
    const told = { ...result, ...costOf(traffic) }
    return { result: told, summary: job.summary?.(told) ?? '' }
  }
  const {
    code = `run_${state}`,
    message = `The run ${id} has ended at another worker: it is ${state}`,
    hint,
  } = error ?? {}
  throw new JobError(message, { code, hint })
}

async function finish(
  engine: Engine,
  run: ClaimedRun,
  { job, clock, surroundings, options }: Foreground,
): Promise<RunOutcome> {
  const { log = () => {}, progress = () => {} } = options
  if (run.resumed) log('Resuming the run that was interrupted, from its last checkpoint')
  let reached: Progress | undefined
  const lease = keepLease(engine, run, { clock, progress: () => reached })
  const stop = options.signal ?? NEVER
  const signal = engine.isShared ? AbortSignal.any([stop, lease.signal]) : stop
  const attempt = attemptOf({
    run: { ...run, input: options.input },
    job,
    checkpoints: engine.checkpoints,
    beyondLimit: options.beyondLimit ?? surroundings.beyondLimit.has(run.job),
    place: surroundings.placeIn(run.tenant),
    signal,
    log,
    progress(done, total, what) {
      reached = { done, total, what }
      progress(done, total, what)
    },
    now: () => clock.now(),
  })
  try {
    const returned = await attempt.result()
    const unfit = resultError(returned)
    if (unfit) throw new JobError(unfit.message, unfit)
    const { traffic } = attempt
    const result = { ...(returned as object), ...costOf(traffic) }
    const lost = await engine.settle([{ run, as: 'finished', result, traffic }])
    if (lost.length > 0) throw leaseGone(run)
    return { result, summary: job.summary?.(result) ?? '' }
  } catch (error) {
    const { traffic } = attempt
    const why = lease.signal.aborted ? lease.signal.reason : error
    const left = leftBy(engine, { run, traffic, error: why, isStopped: signal.aborted, nowMs: clock.now() })
    // Why the run ended is what a person has to hear, also where that cannot be written down.
    await engine.settle(left).catch(() => [])
    throw why
  } finally {
    lease.end()
  }
}

interface Unfinished {
  readonly run: ClaimedRun
  readonly traffic: Traffic
  readonly error: unknown
  readonly isStopped: boolean
  readonly nowMs: number
}

/**
 * How a run is left that has not finished. In a fleet it is put aside, since a worker would go on at once with what a person has
 * stopped, or been told of as a failure; the next run of the same work takes it from there.
 */
function leftBy(
  engine: Engine,
  { run, traffic, error, isStopped, nowMs }: Unfinished,
): readonly Settlement[] {
  const found = runError(error)
  if (found.code === 'run_lease_lost' || found.code === 'lease_lost') return []
  if (found.code === 'run_cancelled') return [{ run, traffic, as: 'cancelled' }]
  if (engine.isShared) return [{ run, traffic, as: 'dead', error: found }]
  if (isStopped) return [{ run, traffic, as: 'released' }]
  return [{ run, traffic, as: 'retried', error: found, atMs: nowMs }]
}
