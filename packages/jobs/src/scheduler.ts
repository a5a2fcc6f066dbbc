import { type Clock, systemClock } from '@tomte/client'
import type { AnyJob, Daemon } from './daemon.ts'
import { type ResolvedRules, rulesOf } from './definition.ts'
import type { Engine, NewRun, StoredSchedule } from './engine/engine.ts'
import type { JobListener } from './events.ts'
import { EACH_TENANT } from './new-run.ts'
import { runError } from './outcome.ts'
import { firingsDue, nextFiringMs, type Schedule } from './schedule.ts'
import type { Surroundings } from './surroundings.ts'

/** What a scheduler stands on. */
export interface SchedulerOptions {
  readonly engine: Engine
  readonly daemon: Daemon
  readonly surroundings: Pick<Surroundings, 'tenant'>
  readonly tell: JobListener
  readonly clock?: Clock | undefined
}

/** When a job is done next. */
export interface NextFiring {
  readonly job: string
  /** `undefined` if it never is. */
  readonly atMs: number | undefined
}

/** Makes runs of schedules, until it is stopped. */
export interface Scheduler {
  /** Of every job with a schedule. */
  next(): readonly NextFiring[]
  stop(): Promise<void>
}

/** When each job with a schedule is done next; by its definition alone. */
export function nextFirings(daemon: Pick<Daemon, 'jobs'>, nowMs: number): readonly NextFiring[] {
  return scheduled(daemon).map(({ job, schedule }) => ({ job, atMs: nextFiringMs(schedule, nowMs) }))
}

/**
 * Starts to make runs of the schedules of a daemon. Of several daemons that run the same job by different schedules, the one of
 * the highest version of the job counts, and among them the one that was started last.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  return new FiringScheduler(options)
}

interface Scheduled {
  readonly job: string
  readonly rules: ResolvedRules
  readonly schedule: Schedule
  /** As it is stored. */
  readonly definition: string
}

function scheduled({ jobs }: Pick<Daemon, 'jobs'>): readonly Scheduled[] {
  return Object.entries(jobs).flatMap(([job, of]: [string, AnyJob]) => {
    const rules = rulesOf(of)
    if (rules.schedule === undefined) return []
    const schedule = { cron: rules.schedule, timeZone: rules.timeZone, missed: rules.missed }
    return [{ job, rules, schedule, definition: JSON.stringify(schedule) }]
  })
}

// How long the scheduler sleeps at most: a clock that jumps is noticed within this.
const SLEEP_MAX_MS = 60_000
const RETRY_MS = 5_000

class FiringScheduler implements Scheduler {
  readonly #engine: Engine
  readonly #tenant: string
  readonly #tell: JobListener
  readonly #clock: Clock
  readonly #jobs: readonly Scheduled[]
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  /** Definitions of others that were told of. */
  readonly #conflicts = new Map<string, string>()

  constructor({ engine, daemon, surroundings, tell, clock = systemClock }: SchedulerOptions) {
    this.#engine = engine
    this.#tenant = surroundings.tenant
    this.#tell = tell
    this.#clock = clock
    this.#jobs = scheduled(daemon)
    this.#running = this.#jobs.length === 0 ? Promise.resolve() : this.#run()
  }

  next(): readonly NextFiring[] {
    const nowMs = this.#clock.now()
    return this.#jobs.map(({ job, schedule }) => ({ job, atMs: nextFiringMs(schedule, nowMs) }))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let adopted = false
    while (!signal.aborted) {
      let waitMs: number
      try {
        await this.#decideAll(adopted)
        adopted = true
        waitMs = this.#untilNextMs()
      } catch (error) {
        waitMs = RETRY_MS
        this.#tell({ type: 'engine_failed', during: 'schedule', error: runError(error), retryInMs: waitMs })
      }
      await this.#clock.sleep(waitMs, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
    }
  }

  #untilNextMs(): number {
    const nowMs = this.#clock.now()
    const waits = this.#jobs.map(({ schedule }) => (nextFiringMs(schedule, nowMs) ?? Infinity) - nowMs)
    return Math.max(1, Math.min(SLEEP_MAX_MS, ...waits))
  }

  async #decideAll(adopted: boolean): Promise<void> {
    const stored = new Map((await this.#engine.schedules()).map((schedule) => [schedule.job, schedule]))
    for (const each of this.#jobs) {
      const known = stored.get(each.job)
      if (known === undefined) await this.#begin(each)
      else if (known.definition === each.definition && known.version === each.rules.version)
        await this.#decide(each, known)
      else if (!adopted && known.version <= each.rules.version) await this.#takeOver(each, known)
      else this.#conflict(each, known)
    }
  }

  /** A schedule that was never seen before fires from now on. */
  async #begin({ job, definition, rules }: Scheduled): Promise<void> {
    const lastFiringMs = this.#clock.now()
    await this.#engine.saveSchedule({ job, definition, version: rules.version, lastFiringMs }, undefined)
  }

  /** What the definition before has missed is decided by it; from now on this one counts. */
  async #takeOver(each: Scheduled, known: StoredSchedule): Promise<void> {
    const before = storedSchedule(known)
    const lastFiringMs = before ? await this.#fire(each, before, known.lastFiringMs) : known.lastFiringMs
    const nowMs = this.#clock.now()
    const { job, definition, rules } = each
    const taken = { job, definition, version: rules.version, lastFiringMs: Math.max(nowMs, lastFiringMs) }
    await this.#engine.saveSchedule(taken, known)
  }

  async #decide(each: Scheduled, known: StoredSchedule): Promise<void> {
    this.#conflicts.delete(each.job)
    const lastFiringMs = await this.#fire(each, each.schedule, known.lastFiringMs)
    if (lastFiringMs !== known.lastFiringMs)
      await this.#engine.saveSchedule({ ...known, lastFiringMs }, known)
  }

  /** Makes the run that is due, if one is. It is made before that is stored: a firing has one run, however often it is asked for. */
  async #fire(each: Scheduled, schedule: Schedule, storedMs: number): Promise<number> {
    const { job } = each
    const due = firingsDue(schedule, storedMs, this.#clock.now())
    if (due.clockSetBack) this.#tell({ type: 'clock_set_back', job, lastFiringMs: storedMs })
    if (due.missed > 0) {
      const { missed: firings, lastFiringMs } = due
      this.#tell({ type: 'schedule_missed', job, firings, lastFiringMs, caughtUp: due.fireMs !== undefined })
    }
    if (due.fireMs !== undefined) await this.#enqueue(this.#runOf(each, due.fireMs))
    return due.lastFiringMs
  }

  #runOf({ job, rules }: Scheduled, firingMs: number): NewRun {
    return {
      job,
      tenant: rules.tenants === 'each' ? EACH_TENANT : this.#tenant,
      input: {},
      key: `schedule ${new Date(firingMs).toISOString()}`,
      firingMs,
      priority: rules.priority,
      others: rules.overlap === 'skip' ? 'skip' : 'wait',
    }
  }

  async #enqueue(run: NewRun): Promise<void> {
    const { job, tenant, firingMs } = run
    for (const { id, as } of await this.#engine.enqueue([run]))
      if (as === 'skipped') this.#tell({ type: 'run_skipped', runId: id, job, tenant, firingMs })
  }

  #conflict({ job, definition: ours }: Scheduled, { definition: theirs, version }: StoredSchedule): void {
    const told = `${version} ${theirs}`
    if (this.#conflicts.get(job) === told) return
    this.#conflicts.set(job, told)
    this.#tell({ type: 'schedule_conflict', job, ours, theirs })
  }
}

/** A definition as it was stored; one that this release cannot read has missed nothing. */
function storedSchedule({ definition }: StoredSchedule): Schedule | undefined {
  try {
    return JSON.parse(definition) as Schedule
  } catch {
    return undefined
  }
}
