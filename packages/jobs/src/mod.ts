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
export type { Entries } from './engine/engine.ts'
export { JobError } from './errors.ts'
