import type { Capacity } from './engine.ts'
import type { EmbeddedDatabase } from './embedded-database.ts'

/**
 * Of which jobs a claim may find something, and when the next run is due that waits for its time. As there is one process, it
 * is kept in memory: a claim in vain asks nobody. Whatever may have changed it is told here after its commit; what is not
 * known is looked for.
 */
export class Outlook {
  readonly #db: EmbeddedDatabase
  /** Jobs that had less than was asked for when they were last claimed from. */
  readonly #barren = new Set<string>()
  #nextTimedMs: number | undefined

  constructor(db: EmbeddedDatabase) {
    this.#db = db
  }

  /** When the first run is due that waits for its time, in ms. */
  get nextTimedMs(): number {
    return (this.#nextTimedMs ??= this.#findNextTimed())
  }

  #findNextTimed(): number {
    const first = `select not_before_ms as due from run where state = 'queued' and waits_for = 'time'
      order by not_before_ms limit 1`
    const row = this.#db.read(() => this.#db.one<{ due: number }>(first))
    return row?.due ?? Number.POSITIVE_INFINITY
  }

  /** Those that a claim may find something of. */
  hopeful(capacities: readonly Capacity[], nowMs: number): readonly Capacity[] {
    const isTimed = this.nextTimedMs <= nowMs
    return capacities.filter(({ job, runs }) => runs > 0 && (isTimed || !this.#barren.has(job)))
  }

  /** Nothing more of this job is due. */
  exhausted(job: string): void {
    this.#barren.add(job)
  }

  /** Runs of this job may be due now, or at another time than before. */
  changed(job: string): void {
    this.#barren.delete(job)
    this.#nextTimedMs = undefined
  }

  /** Runs of any job may. */
  allChanged(): void {
    this.#barren.clear()
    this.#nextTimedMs = undefined
  }
}
