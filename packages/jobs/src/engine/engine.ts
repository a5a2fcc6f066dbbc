import type { Entries, StoredStep, Traffic } from '../store.ts'

/**
 * Where a run stands. `queued` waits for its time and a worker; `running` is leased to one. The others are ends: `dead` had
 * all its attempts or took five workers down, `unconsented` met a tenant whose administrator has not approved, `skipped`
 * was a firing that met its own unfinished run, `superseded` had its rest made pointless by other input.
 */
export type RunState =
  | 'queued'
  | 'running'
  | 'finished'
  | 'dead'
  | 'cancelled'
  | 'unconsented'
  | 'skipped'
  | 'superseded'

/** What a run is asked to do. */
export interface NewRun {
  readonly job: string
  /** The tenant to work in; runs of one tenant never keep those of another from starting. */
  readonly tenant: string
  /** JSON, as the job's schema made it of what was given. */
  readonly input: object
  /** The same work has the same key: an unfinished run of the same job, tenant and key is returned in place of a new one. */
  readonly key: string
  /** What `unfinished` runs of the same job and tenant with another key mean for this one. Default: nothing. */
  readonly others?: 'supersede' | 'skip' | undefined
  /** The time of the schedule that it was made for, in ms; a job and tenant has one run of each. */
  readonly firingMs?: number | undefined
  /** Not to be started before, in ms. Default: now. */
  readonly notBeforeMs?: number | undefined
  /** -100 to 100; a higher one starts first, whoever's turn it is. Default: 0. */
  readonly priority?: number | undefined
  /** The run that made it, for a fan-out over tenants. */
  readonly parent?: string | undefined
}

/** What became of a request for a run. */
export interface Enqueued {
  readonly id: string
  /** `known` is an unfinished run of the same work, or the run of the same firing; `skipped` will never start. */
  readonly as: 'queued' | 'known' | 'skipped'
}

/** A run leased to this worker. All that it writes carries `epoch`, and fails once another worker has the lease. */
export interface ClaimedRun {
  readonly id: string
  readonly job: string
  readonly tenant: string
  readonly input: object
  readonly key: string
  readonly firingMs: number | undefined
  readonly epoch: number
  /** How many attempts have failed before this one. */
  readonly failures: number
  /** How many workers have died with it. */
  readonly deaths: number
  /** Whether something has been saved in it. */
  readonly resumed: boolean
  readonly traffic: Traffic
  readonly leasedUntilMs: number
}

/** How a claimed run leaves its worker. */
export type Settlement = {
  readonly run: Pick<ClaimedRun, 'id' | 'job' | 'epoch'>
  readonly traffic: Traffic
} & (
  | { readonly as: 'finished'; readonly result: object }
  /** The attempt failed and is made again; steps and cursors stay. */
  | { readonly as: 'retried'; readonly error: RunError; readonly atMs: number }
  | { readonly as: 'dead' | 'unconsented'; readonly error: RunError }
  | { readonly as: 'cancelled' }
  /** The daemon stops: the run is queued again at once, and no attempt is counted. */
  | { readonly as: 'released' }
)

/** Why an attempt failed, for people and machines: no secret, no token, a bounded length. */
export interface RunError {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

/** What a heartbeat found: the lease is gone to another worker, or a person has cancelled the run. */
export interface Interruption {
  readonly id: string
  readonly why: 'lease lost' | 'cancelled'
}

/** How much a worker can take of each job. */
export interface Capacity {
  readonly job: string
  readonly runs: number
}

/** A run as people see it. */
export interface RunRecord {
  readonly id: string
  readonly job: string
  readonly tenant: string
  readonly state: RunState
  readonly key: string
  readonly input: object
  readonly firingMs: number | undefined
  readonly parent: string | undefined
  readonly queuedAtMs: number
  readonly startedAtMs: number | undefined
  readonly endedAtMs: number | undefined
  readonly notBeforeMs: number
  readonly failures: number
  readonly deaths: number
  readonly worker: string | undefined
  readonly progress: Progress | undefined
  readonly result: object | undefined
  readonly error: RunError | undefined
  readonly traffic: Traffic
}

/** How far a run says that it is. */
export interface Progress {
  readonly done: number
  readonly total: number
  readonly what: string
}

/** Which runs to list; newest first. */
export interface RunQuery {
  readonly job?: string | undefined
  readonly tenant?: string | undefined
  readonly states?: readonly RunState[] | undefined
  readonly parent?: string | undefined
  /** Only those before this id, to page on. */
  readonly before?: string | undefined
  /** 1 to 1,000. */
  readonly limit: number
}

/** A schedule as the store knows it, so that a missed firing is seen after any pause, and of two definitions one counts. */
export interface StoredSchedule {
  readonly job: string
  /** Cron, time zone and rules as text: tells one definition from another. */
  readonly definition: string
  /** The last firing that was enqueued or decided on, in ms. */
  readonly lastFiringMs: number
}

/**
 * Keeps runs, leases them to workers and remembers what they did. One suite of tests (`conformance-test-support.ts`) says
 * what each method promises; the embedded engine is one process on SQLite, the fleet's is pg-boss on PostgreSQL. What
 * changes something is on the disk when its promise resolves.
 */
export interface Engine {
  /** How long a lease lasts without a heartbeat, in ms; the watchdog ends a process that is blocked for longer. */
  readonly leaseMs: number
  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]>
  /** Takes due runs that are not paused, at most what each job has room for; tenants take turns within a priority. */
  claim(capacities: readonly Capacity[]): Promise<readonly ClaimedRun[]>
  /** Extends the leases of running runs, stores their progress, and says which to stop. */
  heartbeat(
    runs: readonly (Pick<ClaimedRun, 'id' | 'job' | 'epoch'> & { readonly progress: Progress | undefined })[],
  ): Promise<readonly Interruption[]>
  /** Ends or requeues runs; those whose lease is lost are left alone and returned. */
  settle(settlements: readonly Settlement[]): Promise<readonly string[]>
  readonly checkpoints: RunCheckpoints
  /** Resolves when a run may have become due, after `limitMs` at the latest, or when the signal is aborted. */
  waitForWork(limitMs: number, signal: AbortSignal): Promise<void>

  runs(query: RunQuery): Promise<readonly RunRecord[]>
  run(id: string): Promise<RunRecord | undefined>
  /** Queues an ended run again, with its steps where they stand if they are kept, and its failures forgotten. */
  retry(id: string): Promise<RunRecord>
  /** Ends a queued run; asks the worker of a running one to stop. */
  cancel(id: string): Promise<RunRecord>
  /** Keeps runs of a job from starting, or lets them start again. */
  pause(job: string, paused: boolean): Promise<void>
  paused(): Promise<readonly string[]>
  /** How many runs each job has in each unfinished state, and since when the oldest of them is due. */
  depth(): Promise<
    readonly { job: string; queued: number; running: number; oldestDueAtMs: number | undefined }[]
  >

  schedules(): Promise<readonly StoredSchedule[]>
  /** Stores a schedule unless a newer `lastFiringMs` of the same definition is there. */
  saveSchedule(schedule: StoredSchedule): Promise<void>
  /** Deletes ended runs that ended before, with what belongs to them, a bounded number at a time; returns how many. */
  prune(endedBeforeMs: number): Promise<number>
  close(): Promise<void>
}

/** Steps, cursors and ledgers of running runs. Every write carries the lease's epoch. */
export interface RunCheckpoints {
  step(run: RunLease, name: string): Promise<StoredStep | undefined>
  /** @throws JobError `lease_lost` if another worker has the run, `checkpoint_newer` if a newer version wrote it. */
  saveStep(run: RunLease, name: string, step: StoredStep, entries: Entries, traffic: Traffic): Promise<void>
  findEntries(run: RunLease, collection: string, keys: readonly string[]): Promise<Map<string, unknown>>
  pageEntries(run: RunLease, collection: string, after: string, limit: number): Promise<Map<string, unknown>>
}

export type RunLease = Pick<ClaimedRun, 'id' | 'epoch'>
