import type { Entries, RunCheckpoints, RunLease, Traffic } from './engine/engine.ts'

/** Where a step stands. It is given back after a crash, so a step goes on instead of starting again. */
export interface Cursor<Value> {
  /** What was saved last, or `undefined` if the step has never saved. */
  readonly value: Value | undefined
  /**
   * Saves where the step stands, together with new ledger entries: on the disk, all or nothing, when the promise resolves.
   *
   * @throws JobError if it cannot be saved; the step must not go on then. When the run is to stop, the signal's reason, after
   * all was saved.
   */
  save(value: Value, entries?: Entries): Promise<void>
}

/** What a run remembers beside its cursors: keyed entries in named collections, for sets too large for a cursor. */
export interface Ledger {
  /** Returns those of the keys that the collection holds, with their values. */
  find(collection: string, keys: readonly string[]): Promise<Map<string, unknown>>
  /** Goes through a collection in the order of its keys. */
  all(collection: string): AsyncGenerator<readonly [string, unknown]>
  /** Returns up to `limit` entries after a key, in the order of their keys. */
  page(collection: string, after: string, limit: number): Promise<Map<string, unknown>>
}

/** Runs a named part of a job: a finished step never runs again but returns what it returned. Values are JSON. */
export type Step = <Value, Result>(
  name: string,
  work: (cursor: Cursor<Value>) => Promise<Result>,
) => Promise<Result>

interface StepperOptions {
  readonly checkpoints: RunCheckpoints
  readonly run: RunLease
  /** What the run has cost so far; saved with every cursor. */
  readonly traffic: () => Traffic
  /** Aborted when the run is to stop: it does at its next step or save, once that is on the disk. */
  readonly signal: AbortSignal
}

/** Makes the `step` function of one run. */
export function stepper({ checkpoints, run, traffic, signal }: StepperOptions): Step {
  return async <Value, Result>(
    name: string,
    work: (cursor: Cursor<Value>) => Promise<Result>,
  ): Promise<Result> => {
    const stored = await checkpoints.step(run, name)
    if (stored?.finished) return stored.value as Result
    signal.throwIfAborted()
    const result = await work({
      value: (stored?.value ?? undefined) as Value | undefined,
      save: async (value, entries = {}) => {
        await checkpoints.saveStep(run, name, { finished: false, value }, entries, traffic())
        signal.throwIfAborted()
      },
    })
    await checkpoints.saveStep(run, name, { finished: true, value: result }, {}, traffic())
    return result
  }
}

const PAGE_SIZE = 500

/** Makes the ledger of one run. */
export function ledger({ checkpoints, run }: Pick<StepperOptions, 'checkpoints' | 'run'>): Ledger {
  const page: Ledger['page'] = (collection, after, limit) =>
    checkpoints.pageEntries(run, collection, after, limit)
  return {
    page,
    find: (collection, keys) => checkpoints.findEntries(run, collection, keys),
    async *all(collection) {
      for (let after = '', size = PAGE_SIZE; size === PAGE_SIZE; ) {
        const entries = await page(collection, after, PAGE_SIZE)
        yield* entries
        size = entries.size
        after = [...entries.keys()].at(-1) ?? after
      }
    },
  }
}
