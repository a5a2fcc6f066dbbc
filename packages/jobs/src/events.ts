import type { Progress, RunError, Traffic } from './engine/engine.ts'

/** Which run an event is about. */
export interface OfRun {
  readonly runId: string
  readonly job: string
  readonly tenant: string
}

/** A worker begins, or goes on with, a run. */
export interface RunStarted extends OfRun {
  readonly type: 'run_started'
  /** 1 for the first. */
  readonly attempt: number
  /** Whether something had been saved in it. */
  readonly resumed: boolean
  /** How long it was due before it was started, in ms. */
  readonly waitedMs: number
}

/** A run has come to the end of its job. */
export interface RunFinished extends OfRun {
  readonly type: 'run_finished'
  /** Of this attempt, in ms; `traffic` is of all. */
  readonly durationMs: number
  readonly traffic: Traffic
  /** What the job says of it, or an empty text. */
  readonly summary: string
}

/** An attempt has failed, and another will be made. */
export interface RunRetried extends OfRun {
  readonly type: 'run_retried'
  readonly durationMs: number
  readonly error: RunError
  /** How many attempts have failed. */
  readonly failures: number
  readonly atMs: number
}

/** A run is put aside until a person retries it: all attempts failed, more would not help, or it took five workers down. */
export interface RunDead extends OfRun {
  readonly type: 'run_dead'
  readonly durationMs: number | undefined
  readonly error: RunError
  readonly failures: number
  readonly deaths: number
}

/** The administrator of a tenant has not approved: reported, and no failure. */
export interface RunUnconsented extends OfRun {
  readonly type: 'run_unconsented'
  readonly error: RunError
}

/** A run that a person has cancelled has stopped. */
export interface RunCancelled extends OfRun {
  readonly type: 'run_cancelled'
}

/** The key of unfinished work has changed, as of a file that was replaced: another run begins with what it is now. */
export interface RunSuperseded extends OfRun {
  readonly type: 'run_superseded'
}

/** A run was given back, to go on elsewhere or after a restart; no attempt is counted. */
export interface RunReleased extends OfRun {
  readonly type: 'run_released'
  readonly why: 'stopping' | 'checkpoint_newer'
}

/** A firing met the unfinished run of an earlier one. */
export interface RunSkipped extends OfRun {
  readonly type: 'run_skipped'
  readonly firingMs: number | undefined
}

/** A job does not heed its signal: the worker takes no more work and ends, for nothing else can stop the job. */
export interface RunStuck extends OfRun {
  readonly type: 'run_stuck'
  readonly why: 'time_limit' | 'cancelled' | 'lease_lost'
  /** How long ago it was told to stop, in ms. */
  readonly forMs: number
}

/** Another worker has the run; what this one still does of it is not saved. */
export interface LeaseLost extends OfRun {
  readonly type: 'lease_lost'
}

/** A worker has died with the run, which is queued again. */
export interface WorkerDied extends OfRun {
  readonly type: 'worker_died'
  /** How many have since something was last saved. */
  readonly deaths: number
}

/** What a job reports of how far it is; as often as it does. */
export interface RunProgress extends OfRun, Progress {
  readonly type: 'run_progress'
}

/** A line that a job logs. */
export interface RunLogged extends OfRun {
  readonly type: 'run_logged'
  readonly line: string
}

/** Firings passed while nothing ran. */
export interface ScheduleMissed {
  readonly type: 'schedule_missed'
  readonly job: string
  readonly firings: number
  readonly lastFiringMs: number
  /** Whether a run is made for the last of them. */
  readonly caughtUp: boolean
}

/** A daemon that was started later, or has a newer version of the job, has another schedule: this one no longer fires it. */
export interface ScheduleConflict {
  readonly type: 'schedule_conflict'
  readonly job: string
  readonly ours: string
  readonly theirs: string
}

/** The clock was set back so far that the stored last firing cannot be right; firings are counted from now on. */
export interface ClockSetBack {
  readonly type: 'clock_set_back'
  readonly job: string
  readonly lastFiringMs: number
}

/** The engine did not answer; it is asked again. */
export interface EngineFailed {
  readonly type: 'engine_failed'
  readonly during: string
  readonly error: RunError
  readonly retryInMs: number
}

/** What happens in a daemon, for logs, metrics and webhooks. No event holds a token, secret or key. */
export type JobEvent =
  | RunStarted
  | RunFinished
  | RunRetried
  | RunDead
  | RunUnconsented
  | RunCancelled
  | RunSuperseded
  | RunReleased
  | RunSkipped
  | RunStuck
  | LeaseLost
  | WorkerDied
  | RunProgress
  | RunLogged
  | ScheduleMissed
  | ScheduleConflict
  | ClockSetBack
  | EngineFailed

/** Hears of every event. What it throws is lost: no run may suffer from it. */
export type JobListener = (event: JobEvent) => void
