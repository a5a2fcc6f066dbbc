import type { ResolvedRules } from './definition.ts'
import type { ClaimedRun, Engine, NewRun } from './engine/engine.ts'
import type { JobListener } from './events.ts'
import type { Surroundings } from './surroundings.ts'

/** What a run over all tenants comes to. */
export interface FanOutResult {
  readonly tenants: number
  /** Those whose run was made, or had been made by an earlier attempt. */
  readonly runs: number
  /** Those whose earlier run has not ended. */
  readonly skipped: number
}

const ENQUEUED_AT_ONCE = 500

/** What a fan-out needs. */
export interface FanOutOptions {
  readonly run: ClaimedRun
  readonly rules: Pick<ResolvedRules, 'overlap' | 'priority'>
  readonly engine: Pick<Engine, 'enqueue'>
  readonly surroundings: Pick<Surroundings, 'tenants'>
  readonly signal: AbortSignal
  readonly tell: JobListener
}

/**
 * Makes one run in each tenant. A parent has one run in a tenant, so whatever interrupts this, the next attempt makes the rest.
 *
 * @throws JobError `tenants_unusable`; and whatever finds the tenants throws.
 */
export async function fanOut(options: FanOutOptions): Promise<FanOutResult> {
  const { run, rules, engine, surroundings, signal, tell } = options
  const tenants = await surroundings.tenants(signal)
  let skipped = 0
  for (let start = 0; start < tenants.length; start += ENQUEUED_AT_ONCE) {
    signal.throwIfAborted()
    const requests = tenants.slice(start, start + ENQUEUED_AT_ONCE).map(
      (tenant): NewRun => ({
        job: run.job,
        tenant,
        input: run.input,
        key: run.key,
        parent: run.id,
        firingMs: run.firingMs,
        priority: rules.priority,
        others: rules.overlap === 'skip' ? 'skip' : 'wait',
      }),
    )
    const made = await engine.enqueue(requests)
    for (const [at, { id, as }] of made.entries()) {
      if (as !== 'skipped') continue
      skipped += 1
      const tenant = requests[at]?.tenant ?? ''
      tell({ type: 'run_skipped', runId: id, job: run.job, tenant, firingMs: run.firingMs })
    }
  }
  return { tenants: tenants.length, runs: tenants.length - skipped, skipped }
}
