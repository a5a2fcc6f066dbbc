import type { Database } from './database.ts'

// 1.7 kB for a client, so 85 MB at most. Half of them are kept for certain: a client needs one, and a tenant three.
const ENTRIES_MAX = 50_000

export interface ReadCacheOptions {
  /** Whether every change is heard of now; while it is not, nothing is kept and nothing kept is used. Default: always. */
  readonly isTrusted?: (() => boolean) | undefined
  /** How many reads are kept at most: those that were not asked for lately go first. Default 50,000. */
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
  // What was asked for lately, and what was asked for before that: when the first is full it takes the other's place.
  #recent = new Map<string, Promise<unknown>>()
  #before = new Map<string, Promise<unknown>>()

  constructor(db: Database, { isTrusted = () => true, entriesMax = ENTRIES_MAX }: ReadCacheOptions = {}) {
    this.db = db
    this.#isTrusted = isTrusted
    this.#entriesMax = entriesMax
  }

  /** How many reads are kept. */
  get size(): number {
    return this.#recent.size + this.#before.size
  }

  /**
   * Returns what `query` found since the last change, and asks if nothing did. The key says all that the query depends on
   * besides the database; what throws is not kept.
   */
  read<T>(key: string, query: (db: Database) => Promise<T>): Promise<T> {
    if (!this.#isTrusted()) return query(this.db)
    const known = this.#recent.get(key) ?? this.#recall(key)
    if (known) return known as Promise<T>
    const asked = query(this.db)
    this.#keep(key, asked)
    asked.catch(() => this.#forget(key, asked))
    return asked
  }

  /** Forgets everything: called after each change, before it is acknowledged. */
  drop(): void {
    this.#recent.clear()
    this.#before.clear()
  }

  #recall(key: string): Promise<unknown> | undefined {
    const known = this.#before.get(key)
    if (!known) return undefined
    this.#before.delete(key)
    this.#keep(key, known)
    return known
  }

  #keep(key: string, asked: Promise<unknown>): void {
    if (this.#recent.size >= this.#entriesMax / 2) {
      this.#before = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(key, asked)
  }

  #forget(key: string, asked: Promise<unknown>): void {
    for (const entries of [this.#recent, this.#before]) if (entries.get(key) === asked) entries.delete(key)
  }
}
