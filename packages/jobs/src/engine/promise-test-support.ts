// What the promises of every engine are told with.
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { ClaimedRun, Engine, NewRun, RunRecord, Settlement } from './engine.ts'
import { NO_TRAFFIC } from './engine.ts'

/** An engine on an empty store, and the clock that it goes by. */
export interface Stage {
  readonly engine: Engine
  readonly nowMs: () => number
  /** Lets time pass for the engine. */
  readonly advance: (ms: number) => void
}

export interface EnginePromise {
  readonly it: string
  readonly holds: (stage: Stage, t: TestContext) => Promise<void>
}

export const newRun = (more: Partial<NewRun> = {}): NewRun => ({
  job: 'work',
  tenant: 'contoso.example',
  input: {},
  key: 'key',
  ...more,
})

/** Enqueues one run; returns its id. */
export async function queued(engine: Engine, more: Partial<NewRun> = {}): Promise<string> {
  const [enqueued] = await engine.enqueue([newRun(more)])
  assert.equal(enqueued?.as, 'queued')
  return enqueued.id
}

export const claim = (engine: Engine, runs = 1, job = 'work'): Promise<readonly ClaimedRun[]> =>
  engine.claim([{ job, runs }])

/** Claims the only run that is due. */
export async function claimOne(engine: Engine, job = 'work'): Promise<ClaimedRun> {
  const [run, ...more] = await claim(engine, 2, job)
  assert.ok(run, 'no run is due')
  assert.equal(more.length, 0, 'more than one run is due')
  return run
}

/** Enqueues a run and claims it. */
export async function claimedRun(engine: Engine, more: Partial<NewRun> = {}): Promise<ClaimedRun> {
  const id = await queued(engine, more)
  const run = await claimOne(engine, more.job)
  assert.equal(run.id, id)
  return run
}

export async function finish(engine: Engine, run: ClaimedRun, result: object = {}): Promise<void> {
  assert.deepEqual(await engine.settle([{ run, as: 'finished', result, traffic: NO_TRAFFIC }]), [])
}

export const FAULT = { code: 'test_fault', message: 'Cannot go on', hint: 'Try again' } as const

export async function settle(
  engine: Engine,
  run: ClaimedRun,
  how:
    | { readonly as: 'dead' | 'unconsented'; readonly error?: typeof FAULT }
    | { readonly as: 'cancelled' }
    | { readonly as: 'retried'; readonly atMs: number }
    | { readonly as: 'released'; readonly atMs?: number },
): Promise<readonly string[]> {
  const settlement = { run, traffic: NO_TRAFFIC, error: FAULT, ...how }
  return engine.settle([settlement as Settlement])
}

export async function recordOf(engine: Engine, id: string): Promise<RunRecord> {
  const record = await engine.run(id)
  assert.ok(record, `there is no run ${id}`)
  return record
}

export const lease = ({ id, epoch }: ClaimedRun, version = 1) => ({ id, epoch, version })
