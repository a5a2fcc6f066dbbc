import { open } from 'node:fs/promises'
import { backup, type DatabaseSync } from 'node:sqlite'
import { backUpStopped } from '../back-up-faults.ts'
import { explain, isBusy, isDamage } from '../sqlite.ts'

// Copied while the connection is held, so that whoever writes meanwhile waits for a millisecond or so.
const PAGES_AT_ONCE = 100
// What is not on the disk yet when the last page is copied is synced while the connection is held.
const SYNCED_EVERY_STEPS = 20
// A copy that begins in the middle of a transaction is begun again.
const BEGINNINGS_MAX = 1_000

/**
 * Copies an open database into a new file, beside the work: what is committed meanwhile is in the copy too.
 *
 * @param file The database's own, for what is told of it.
 * @param target Is there, and empty.
 * @throws the signal's reason, what keeps the copy from being written, or JobError: what is wrong with the database.
 */
export async function copyDatabase(
  database: DatabaseSync,
  file: string,
  { target, signal }: { readonly target: string; readonly signal: AbortSignal },
): Promise<void> {
  signal.throwIfAborted()
  const copy = await open(target, 'r+')
  let [steps, syncing] = [0, Promise.resolve()]
  let isSyncing = false
  const progress = () => {
    signal.throwIfAborted()
    steps += 1
    if (isSyncing || steps % SYNCED_EVERY_STEPS !== 0) return
    isSyncing = true
    // What this could not write the copy will not write either, and says so.
    syncing = copy
      .datasync()
      .catch(() => {})
      .then(() => void (isSyncing = false))
  }
  try {
    await begunAgain(() => backup(database, target, { rate: PAGES_AT_ONCE, progress }))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw isDamage(error) ? explain(file, error) : error
  } finally {
    await syncing
    await copy.close()
  }
}

async function begunAgain(copy: () => Promise<unknown>): Promise<void> {
  for (let beginning = 1; ; beginning += 1) {
    try {
      await copy()
      return
    } catch (error) {
      if (!isBegunTooEarly(error) || beginning === BEGINNINGS_MAX) throw error
    }
  }
}

/** A first step within a transaction is refused as busy, of which Node tells as of no error at all. */
const isBegunTooEarly = (error: unknown): boolean =>
  isBusy(error) || (error instanceof Error && 'errcode' in error && error.errcode === 0)

/** The copies of one database that are being made. */
export class BackUps {
  readonly #making = new Map<Promise<void>, AbortController>()
  #isOver = false

  /** Makes one, unless the database is closed before. */
  async add(make: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    if (this.#isOver) throw backUpStopped()
    const stop = new AbortController()
    const making = make(AbortSignal.any([signal, stop.signal]))
    this.#making.set(making, stop)
    try {
      await making
    } finally {
      this.#making.delete(making)
    }
  }

  /** Ends all: nobody may read from a database that is closed. */
  async end(): Promise<void> {
    this.#isOver = true
    for (const stop of this.#making.values()) stop.abort(backUpStopped())
    await Promise.allSettled(this.#making.keys())
  }
}
