import type { Database } from './database.ts'

const ENTRIES_MAX = 20_000

export interface ReadCacheOptions {
  /** Whether every change is heard of now; while it is not, nothing is kept and nothing kept is used. Default: always. */
  readonly isTrusted?: (() => boolean) | undefined
  /** How many reads are kept; the oldest one goes first. Default 20,000. */
  readonly entriesMax?: number | undefined
}

/**
 * What token requests have read of the database, kept until anything that concerns tokens changes: then all of it is
 * forgotten. A read that was under way at a change is answered, and not kept.
 */
export class ReadCache {
  /** For reads that are not worth keeping. */
  readonly db: Database
  readonly #isTrusted: () => boolean
  readonly #entriesMax: number
  #entries = new Map<string, Promise<unknown>>()

  constructor(db: Database, { isTrusted = () => true, entriesMax = ENTRIES_MAX }: ReadCacheOptions = {}) {
    this.db = db
    this.#isTrusted = isTrusted
    this.#entriesMax = entriesMax
  }

  /** How many reads are kept. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * Returns what `query` found since the last change, and asks if nothing did. The key says all that the query depends on
   * besides the database; what throws is not kept.
   */
  read<T>(key: string, query: (db: Database) => Promise<T>): Promise<T> {
    if (!this.#isTrusted()) return query(this.db)
    const entries = this.#entries
    const known = entries.get(key)
    if (known) return known as Promise<T>
    const asked = query(this.db)
    if (entries.size >= this.#entriesMax) this.#forgetOldest()
    entries.set(key, asked)
    asked.catch(() => entries.delete(key))
    return asked
  }

  /** Forgets everything: called after each change, before it is acknowledged. */
  drop(): void {
    // Reads that are under way write to the map that they began with, which nobody asks any more.
    this.#entries = new Map()
  }

  #forgetOldest(): void {
    for (const key of this.#entries.keys()) return void this.#entries.delete(key)
  }
}
