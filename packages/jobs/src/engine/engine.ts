/** What a run has cost so far, across attempts. */
export interface Traffic {
  readonly tokenRequests: number
  readonly apiRequests: number
  readonly retries: number
  readonly milliseconds: number
}

export const NO_TRAFFIC: Traffic = { tokenRequests: 0, apiRequests: 0, retries: 0, milliseconds: 0 }

/** A step as it is kept: where it stands, and what it returned once it has finished. */
export interface StoredStep {
  readonly finished: boolean
  readonly value: unknown
}

/** New entries of a run's ledger: by collection, then by key. Values are JSON. */
export type Entries = Readonly<Record<string, Readonly<Record<string, unknown>>>>

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
  /** JSON, as it was given; the job's schema is applied whenever an attempt starts. */
  readonly input: object
  /** The same work has the same key: an unfinished run of the same job, tenant and key is returned in place of a new one. */
  readonly key: string
  /**
   * What unfinished runs of the same job and tenant with another key mean: they are superseded, this one is skipped, or it
   * waits until all of them have ended. Default: nothing.
   */
  readonly others?: 'supersede' | 'skip' | 'wait' | undefined
  /** The time of the schedule that it was made for, in ms; a job and tenant has one run of each. */
  readonly firingMs?: number | undefined
  /** Not to be started before, in ms. Default: now. */
  readonly notBeforeMs?: number | undefined
  /** -100 to 100; a higher one starts first, whoever's turn it is. Default: 0. */
  readonly priority?: number | undefined
  /** The run that made it, for a fan-out over tenants: it makes one run in each. */
  readonly parent?: string | undefined
}

/** What became of a request for a run. */
export interface Enqueued {
  readonly id: string
  /** `known` is an unfinished run of the same work, or the run of the same firing or parent; `skipped` will never start. */
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
  readonly parent: string | undefined
  readonly epoch: number
  /** How many attempts have failed before this one. */
  readonly failures: number
  /** How many workers have died with it since something was last saved in it. */
  readonly deaths: number
  /** The highest version of the job that has saved something in it, or 0. */
  readonly version: number
  /** When it was queued or became due, whichever was later. */
  readonly dueAtMs: number
  /** Whether something has been saved in it. */
  readonly resumed: boolean
  readonly traffic: Traffic
  readonly leasedUntilMs: number
}

/** The run that a person has asked for. */
export interface Taken {
  readonly id: string
  readonly claimed: ClaimedRun | undefined
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
  /** Its rest is pointless: another run does what the work has become. */
  | { readonly as: 'superseded' }
  /** The daemon stops: the run is queued again, and no attempt is counted. Default of `atMs`: at once. */
  | { readonly as: 'released'; readonly atMs?: number | undefined; readonly error?: RunError | undefined }
)

/** Why an attempt failed, for people and machines: no secret, no token, a bounded length. */
export interface RunError {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  /** The server's own id of what it refused, for its support. */
  readonly correlationId?: string | undefined
}

/** What a heartbeat found: the lease is gone to another worker, or a person has cancelled the run. */
export interface Interruption {
  readonly id: string
  readonly why: 'lease lost' | 'cancelled'
}

/** A run whose worker is dead: its lease ran out, or its process is known to be gone. */
export interface LostRun {
  readonly id: string
  readonly job: string
  readonly tenant: string
  readonly deaths: number
  readonly failures: number
  /** `dead` by the fifth death, `cancelled` if that was asked for meanwhile. */
  readonly as: 'queued' | 'dead' | 'cancelled'
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
  readonly priority: number
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
  /** Cron, time zone and rules as JSON: tells one definition from another. */
  readonly definition: string
  /** The version of the job that it belongs to. */
  readonly version: number
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
  /** Whether other processes work on what is kept here, so that a lease can go to one of them. */
  readonly isShared: boolean
  enqueue(runs: readonly NewRun[]): Promise<readonly Enqueued[]>
  /** Takes due runs that are not paused, at most what each job has room for; tenants take turns within a priority. */
  claim(capacities: readonly Capacity[]): Promise<readonly ClaimedRun[]>
  /**
   * Makes a run and leases it here before any worker can, for a person who has it done in the foreground; in place of a new one,
   * the unfinished run of the same work or the one that was put aside last. Not claimed is what another worker has now.
   */
  take(run: NewRun): Promise<Taken>
  /** Leases one queued run here, be it due or paused or not; nothing if it is not queued. */
  claimRun(id: string): Promise<ClaimedRun | undefined>
  /** Extends the leases of running runs, stores their progress, and says which to stop. */
  heartbeat(
    runs: readonly (Pick<ClaimedRun, 'id' | 'job' | 'epoch'> & { readonly progress: Progress | undefined })[],
  ): Promise<readonly Interruption[]>
  /** Takes runs back whose workers are dead, a bounded number at a time; a worker calls it after each heartbeat. */
  recover(): Promise<readonly LostRun[]>
  /** Ends or requeues runs in one commit; those whose lease is lost are left alone and their ids returned. */
  settle(settlements: readonly Settlement[]): Promise<readonly string[]>
  readonly checkpoints: RunCheckpoints
  /** Resolves when a run may have become due, after `limitMs` at the latest, or when the signal is aborted. */
  waitForWork(limitMs: number, signal: AbortSignal): Promise<void>

  runs(query: RunQuery): Promise<readonly RunRecord[]>
  run(id: string): Promise<RunRecord | undefined>
  /**
   * Queues an ended run again, with its steps where they stand if they are kept, and its failures and deaths forgotten.
   *
   * @throws JobError `run_unknown`; `run_unfinished` if it, or another run of the same work, has not ended.
   */
  retry(id: string): Promise<RunRecord>
  /** Ends a queued run; asks the worker of a running one to stop. @throws JobError `run_unknown`, `run_ended`. */
  cancel(id: string): Promise<RunRecord>
  /** Keeps runs of a job from starting, or lets them start again. */
  pause(job: string, paused: boolean): Promise<void>
  paused(): Promise<readonly string[]>
  /** How many runs each job has in each unfinished state, and since when the oldest of them is due. */
  depth(): Promise<
    readonly { job: string; queued: number; running: number; oldestDueAtMs: number | undefined }[]
  >

  schedules(): Promise<readonly StoredSchedule[]>
  /**
   * Stores a schedule if what is there is still `expected`, definition and last firing alike, or nothing is there and nothing
   * was expected; returns whether it did. So of two daemons one decides on a firing.
   */
  saveSchedule(schedule: StoredSchedule, expected: StoredSchedule | undefined): Promise<boolean>
  /** Deletes ended runs that ended before, with what belongs to them, a bounded number at a time; returns how many. */
  prune(endedBeforeMs: number): Promise<number>
  /**
   * Writes a whole copy of everything into an empty file while work goes on.
   *
   * @throws the signal's reason, what keeps the file from being written; JobError `backup_stopped`, and `backup_by_database` of
   * a database that has its own tools for that.
   */
  backUp(target: string, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** Steps, cursors and ledgers of running runs. Every write carries the lease's epoch. */
export interface RunCheckpoints {
  step(run: RunLease, name: string): Promise<StoredStep | undefined>
  /**
   * Writes the step, the new entries and the traffic, all or nothing, and forgets earlier deaths.
   *
   * @throws JobError `lease_lost` if another worker has the run, `ledger_key_empty` for an entry without a key.
   */
  saveStep(run: RunLease, name: string, step: StoredStep, entries: Entries, traffic: Traffic): Promise<void>
  findEntries(run: RunLease, collection: string, keys: readonly string[]): Promise<Map<string, unknown>>
  pageEntries(run: RunLease, collection: string, after: string, limit: number): Promise<Map<string, unknown>>
}

/** By which right a run is written to, and for which version of its job. */
export interface RunLease extends Pick<ClaimedRun, 'id' | 'epoch'> {
  /** Of the job's code, from 1. */
  readonly version: number
}
