import type { Entries, Traffic } from './engine/engine.ts'
import type { CheckpointStore } from './store.ts'

/** Where a step stands. It is given back after a crash, so a step goes on instead of starting again. */
export interface Cursor<Value> {
  /** What was saved last, or `undefined` if the step has never saved. */
  readonly value: Value | undefined
  /**
   * Saves where the step stands, together with new ledger entries: on the disk, all or nothing, when the promise resolves.
   *
   * @throws JobError if it cannot be saved; the step must not go on then.
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

interface Checkpoints {
  readonly store: CheckpointStore
  readonly runId: number
  /** What the run has cost so far; saved with every cursor. */
  readonly traffic: () => Traffic
}

/** Makes the `step` function of one run. */
export function stepper({ store, runId, traffic }: Checkpoints): Step {
  return async <Value, Result>(
    name: string,
    work: (cursor: Cursor<Value>) => Promise<Result>,
  ): Promise<Result> => {
    const stored = await store.step(runId, name)
    if (stored?.finished) return stored.value as Result
    const result = await work({
      value: (stored?.value ?? undefined) as Value | undefined,
      save: (value, entries = {}) =>
        store.saveStep(runId, name, { finished: false, value }, entries, traffic()),
    })
    await store.saveStep(runId, name, { finished: true, value: result }, {}, traffic())
    return result
  }
}

const PAGE_SIZE = 500

/** Makes the ledger of one run. */
export function ledger({ store, runId }: Pick<Checkpoints, 'store' | 'runId'>): Ledger {
  const page: Ledger['page'] = (collection, after, limit) =>
    store.pageEntries(runId, collection, after, limit)
  return {
    page,
    find: (collection, keys) => store.findEntries(runId, collection, keys),
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
