import type { Engine } from '../engine/engine.ts'

/** Whether a daemon can do its work, part by part. */
export interface Readiness {
  readonly ready: boolean
  readonly checks: {
    /** Whether the database answered within two seconds. */
    readonly database: boolean
    /** Whether firings are made into runs. */
    readonly scheduler: boolean
    /** Whether the worker has been answered lately and still takes work. */
    readonly worker: boolean
  }
  /** How long ago the worker was last answered, in ms. */
  readonly lastAnswerMs: number
}

/** What readiness is made of. */
export interface HealthFacts {
  readonly engine: Pick<Engine, 'paused' | 'leaseMs'>
  readonly schedulerRuns: boolean
  readonly workerRuns: boolean
  readonly lastAnswerAtMs: number
  readonly nowMs: number
}

const DATABASE_WITHIN_MS = 2_000
// A worker without work waits for some, but not for longer than this.
const QUIET_MAX_MS = 120_000

/** How long a worker may go without an answer before it counts as lost. */
export const quietLimitMs = (leaseMs: number): number => Math.max(2 * leaseMs, QUIET_MAX_MS)

/** Asks the database, and looks at the rest. `limit` ends a question that nobody answers. */
export async function readinessOf(
  { engine, schedulerRuns, workerRuns, lastAnswerAtMs, nowMs }: HealthFacts,
  limit: (ms: number) => Promise<void>,
): Promise<Readiness> {
  const database = await Promise.race([
    engine.paused().then(
      () => true,
      () => false,
    ),
    limit(DATABASE_WITHIN_MS).then(() => false),
  ])
  const lastAnswerMs = Math.max(0, nowMs - lastAnswerAtMs)
  const worker = workerRuns && lastAnswerMs <= quietLimitMs(engine.leaseMs)
  const checks = { database, scheduler: schedulerRuns, worker }
  return { ready: database && schedulerRuns && worker, checks, lastAnswerMs }
}
