import type { Clock } from '@tomte/client'
import { attemptOf, costOf, WorkChanged } from './attempt.ts'
import { rulesOf } from './definition.ts'
import type { ClaimedRun, Engine, Progress, Settlement, Traffic } from './engine/engine.ts'
import { JobError } from './errors.ts'
import type { JobEvent, JobListener, OfRun } from './events.ts'
import { fanOut } from './fan-out.ts'
import { EACH_TENANT } from './new-run.ts'
import { type AttemptEnd, type Outcome, outcomeOf, type StopReason } from './outcome.ts'
import type { Job } from './daemon.ts'
import type { Surroundings } from './surroundings.ts'

/** What every run of a worker stands on. */
export interface HandOptions {
  readonly engine: Engine
  readonly surroundings: Surroundings
  readonly tell: JobListener
  readonly clock: Clock
  readonly random: () => number
  /** Called when the job has not heeded its signal for so long that it never will. */
  readonly stuck: (hand: RunInWork) => void
}

/** How long a job may go on after it was told to stop. */
export const STUCK_MS = 30_000

const STOPS: Readonly<Record<StopReason, string>> = {
  stopping: 'the daemon stops',
  cancelled: 'a person has cancelled it',
  lease_lost: 'another worker has it',
  time_limit: 'its time limit is over',
}

/** A claimed run while its job is at work. */
export class RunInWork {
  readonly run: ClaimedRun
  readonly job: Job<object>
  readonly startedAtMs: number
  progress: Progress | undefined
  /** Whether its job has ended, so that another may begin; how it ended is perhaps not on the disk yet. */
  isOver = false
  stopped: { readonly why: StopReason; readonly atMs: number } | undefined
  readonly #options: HandOptions
  readonly #controller = new AbortController()
  readonly #timers: (() => void)[] = []
  #traffic: () => Traffic

  constructor(run: ClaimedRun, job: Job<object>, options: HandOptions) {
    this.run = run
    this.job = job
    this.startedAtMs = options.clock.now()
    this.#options = options
    this.#traffic = () => run.traffic
  }

  get of(): OfRun {
    const { id, job, tenant } = this.run
    return { runId: id, job, tenant }
  }

  /** Tells the job to stop; the first reason counts. */
  stop(why: StopReason): void {
    if (this.stopped) return
    const { clock, stuck } = this.#options
    this.stopped = { why, atMs: clock.now() }
    if (why !== 'stopping') this.#timers.push(clock.after(STUCK_MS, () => stuck(this)))
    const message = `Cannot go on with the run ${this.run.id} of '${this.run.job}', as ${STOPS[why]}`
    this.#controller.abort(new JobError(message, { code: `run_${why}` }))
  }

  /** Does the work, and decides what follows; never rejects. */
  async work(): Promise<Outcome> {
    const { clock, tell } = this.#options
    const { run } = this
    const rules = rulesOf(this.job)
    const waitedMs = Math.max(0, this.startedAtMs - run.dueAtMs)
    const attempt = run.failures + 1
    tell({ type: 'run_started', ...this.of, attempt, resumed: run.resumed, waitedMs })
    this.#timers.push(clock.after(rules.timeLimitMs, () => this.stop('time_limit')))
    const end = await this.#end()
    for (const drop of this.#timers) drop()
    this.isOver = true
    return this.#outcome(end)
  }

  /** What follows for the run of a job that goes on although it was told to stop, and not before so long. */
  outcomeOfStuck(afterMs: number): Outcome {
    const outcome = this.#outcome({ as: 'threw', error: this.#controller.signal.reason })
    const nowMs = this.#options.clock.now()
    return 'atMs' in outcome ? { ...outcome, atMs: Math.max(outcome.atMs, nowMs + afterMs) } : outcome
  }

  #outcome(end: AttemptEnd): Outcome {
    const { clock, random } = this.#options
    return outcomeOf({
      end,
      rules: rulesOf(this.job),
      stop: this.stopped?.why,
      failures: this.run.failures,
      isOfFanOut: this.run.parent !== undefined,
      nowMs: clock.now(),
      random: random(),
    })
  }

  async #end(): Promise<AttemptEnd> {
    try {
      return { as: 'returned', value: await this.#result() }
    } catch (error) {
      if (!(error instanceof WorkChanged) || this.stopped) return { as: 'threw', error }
      return this.#giveWay(error).catch((failure: unknown) => ({ as: 'threw', error: failure }))
    }
  }

  /** The work is another one now: a run of it is queued, and takes the place of this one. */
  async #giveWay({ key }: WorkChanged): Promise<AttemptEnd> {
    const { job, tenant, input } = this.run
    const { priority } = rulesOf(this.job)
    await this.#options.engine.enqueue([{ job, tenant, input, key, priority }])
    return { as: 'outdated' }
  }

  #result(): Promise<unknown> {
    const { engine, surroundings, tell, clock } = this.#options
    const { run, job } = this
    const { signal } = this.#controller
    if (run.tenant === EACH_TENANT)
      return fanOut({ run, rules: rulesOf(job), engine, surroundings, signal, tell })
    const attempt = attemptOf({
      run,
      job,
      checkpoints: engine.checkpoints,
      beyondLimit: surroundings.beyondLimit.has(run.job),
      place: surroundings.placeIn(run.tenant),
      signal,
      now: () => clock.now(),
      log: (line) => tell({ type: 'run_logged', ...this.of, line }),
      progress: (done, total, what) => {
        this.progress = { done, total, what }
        tell({ type: 'run_progress', ...this.of, done, total, what })
      },
    })
    this.#traffic = () => attempt.traffic
    return attempt.result()
  }

  /** How the run leaves the worker; nothing is to be written of one that another worker has. */
  settlement(outcome: Outcome): Settlement | undefined {
    const { id, job, epoch } = this.run
    return outcome.as === 'lost'
      ? undefined
      : { ...outcome, run: { id, job, epoch }, traffic: this.#traffic() }
  }

  #summed(result: object): { readonly traffic: Traffic; readonly summary: string } {
    const traffic = this.#traffic()
    try {
      const { job, run } = this
      const summary =
        run.tenant === EACH_TENANT ? undefined : job.summary?.({ ...result, ...costOf(traffic) })
      return { traffic, summary: summary ?? '' }
    } catch {
      // The run has ended well, whatever is said of it.
      return { traffic, summary: '' }
    }
  }

  /** What is told of how it ended. */
  ended(outcome: Outcome): JobEvent {
    const { run, of } = this
    const durationMs = Math.max(0, this.#options.clock.now() - this.startedAtMs)
    const failures = run.failures + 1
    switch (outcome.as) {
      case 'finished':
        return { type: 'run_finished', ...of, durationMs, ...this.#summed(outcome.result) }
      case 'retried':
        return { type: 'run_retried', ...of, durationMs, error: outcome.error, failures, atMs: outcome.atMs }
      case 'dead':
        return { type: 'run_dead', ...of, durationMs, error: outcome.error, failures, deaths: run.deaths }
      case 'unconsented':
        return { type: 'run_unconsented', ...of, error: outcome.error }
      case 'cancelled':
        return { type: 'run_cancelled', ...of }
      case 'superseded':
        return { type: 'run_superseded', ...of }
      case 'released':
        return { type: 'run_released', ...of, why: outcome.error ? 'checkpoint_newer' : 'stopping' }
      case 'lost':
        return { type: 'lease_lost', ...of }
    }
  }
}
