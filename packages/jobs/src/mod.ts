export {
  type AnyJob,
  type ApiMaker,
  type Daemon,
  defineDaemon,
  defineJob,
  type Job,
  type JobContext,
  type JobRules,
  type Retries,
  type RunCost,
  type Tenants,
} from './daemon.ts'
export { runJob, type RunOptions, type RunOutcome } from './runner.ts'
export type { Cursor, Ledger, Step } from './checkpoint.ts'
export type { Entries, Progress, RunError, RunQuery, RunRecord, RunState, Traffic } from './engine/engine.ts'
export type { JobEvent, JobListener } from './events.ts'
export { JobError } from './errors.ts'
export {
  type DaemonOptions,
  type DaemonSignal,
  type ProcessView,
  runDaemon,
  type SignalSource,
} from './host/host.ts'
export type { TextSink } from './host/log.ts'
export type { DaemonStatus, Desk, JobStatus, LastRun, RunRequest } from './host/desk.ts'
export { openDesk, type DeskChoice } from './host/desk-choice.ts'
export { type BackUp, backUp, type BackUpOptions } from './host/back-up.ts'
export type { ChangeLimit, LimitContext, LimitFinding } from './rehearsal/limit.ts'
export type { Effect, FieldChange, PlannedChange, PlannedRequest, StatedChange } from './rehearsal/change.ts'
export type { EffectCounts, RehearsalPlan } from './rehearsal/plan.ts'
export { type Rehearsal, rehearseJob } from './rehearsal/rehearse.ts'
export type { Change } from './rehearsal/stage.ts'
