import type { Clock } from '@tomte/client'
import type { JobContext } from './daemon.ts'
import type { ClaimedRun, Engine, Progress, RunRecord } from './engine/engine.ts'
import { unknownRun } from './engine/run-records.ts'
import { JobError } from './errors.ts'

/** How often it is looked how far another worker is. */
const LOOK_MS = 500

/** Who waits for a run that another worker has. */
export interface Follower {
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly log: JobContext<unknown>['log']
  readonly progress: JobContext<unknown>['progress']
}

/**
 * Waits for the end of a run that another worker has, and shows how far it is; takes it when that worker is dead or gives it back.
 *
 * @returns the run to go on with here, or how it ended there.
 * @throws JobError `run_elsewhere` when the signal is aborted: the run goes on there.
 */
export async function follow(
  engine: Engine,
  id: string,
  { clock, signal, log, progress }: Follower,
): Promise<ClaimedRun | RunRecord> {
  log(`Another worker has the run ${id}: here is how far it is`)
  for (;;) {
    await engine.recover()
    const claimed = await engine.claimRun(id)
    if (claimed) return claimed
    const record = await engine.run(id)
    if (record === undefined) throw unknownRun(id)
    if (record.endedAtMs !== undefined) return record
    if (record.progress) progress(record.progress.done, record.progress.total, record.progress.what)
    await clock.sleep(LOOK_MS, signal).catch(() => {
      throw elsewhere(id, signal.reason)
    })
  }
}

const elsewhere = (id: string, cause: unknown) =>
  new JobError(`Stopped looking: another worker goes on with the run ${id}`, {
    code: 'run_elsewhere',
    hint: `tomte jobs show ${id} tells how it stands, and tomte jobs cancel ${id} ends it`,
    cause,
  })

/** A lease that is kept while a run is at work in the foreground. */
export interface KeptLease {
  /** Aborted with a JobError `run_lease_lost` or `run_cancelled`. */
  readonly signal: AbortSignal
  end(): void
}

/** Sends heartbeats, three in the time of a lease, to an engine that others share; no others can take what one process has. */
export function keepLease(
  engine: Engine,
  run: ClaimedRun,
  { clock, progress }: { readonly clock: Clock; readonly progress: () => Progress | undefined },
): KeptLease {
  const [lost, ended] = [new AbortController(), new AbortController()]
  const beat = async () => {
    for (;;) {
      await clock.sleep(engine.leaseMs / 3, ended.signal)
      // A server that does not answer is asked again; a lease that was lost meanwhile is told then.
      const [found] = await engine.heartbeat([{ ...run, progress: progress() }]).catch(() => [])
      if (found) lost.abort(INTERRUPTIONS[found.why](run))
    }
  }
  // Its only end is that of the wait.
  if (engine.isShared) void beat().catch(() => {})
  return { signal: lost.signal, end: () => ended.abort() }
}

const interrupted = (code: string, why: string) => (run: Pick<ClaimedRun, 'id' | 'job'>) =>
  new JobError(`Cannot go on with the run ${run.id} of '${run.job}', as ${why}`, { code })

const INTERRUPTIONS = {
  'lease lost': interrupted('run_lease_lost', 'another worker has it'),
  cancelled: interrupted('run_cancelled', 'a person has cancelled it'),
} as const

export const leaseGone = INTERRUPTIONS['lease lost']
