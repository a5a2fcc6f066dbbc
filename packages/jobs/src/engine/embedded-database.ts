import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { setImmediate } from 'node:timers'
import { explain } from '../sqlite.ts'
import { copyDatabase } from './embedded-back-up.ts'

/** Work that waits for its commit. */
interface Pending {
  readonly work: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

/** What became of work inside of a transaction that is not committed yet. */
type Done =
  | { readonly as: 'done'; readonly result: unknown }
  | { readonly as: 'failed'; readonly error: unknown }

/**
 * Statements prepared once, and transactions that no other work of this process can get into, as nothing in them waits. What is
 * committed is synced to the disk; what is asked for in one turn of the event loop shares a commit, and so one sync.
 */
export class EmbeddedDatabase {
  readonly file: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #pending: Pending[] = []

  constructor(database: DatabaseSync, file: string) {
    this.#database = database
    this.file = file
  }

  /** Runs a statement that changes something; returns how many rows. */
  change(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).changes)
  }

  /** Inserts a row; returns its id. */
  insert(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#prepared(sql).run(...values).lastInsertRowid)
  }

  one<Row>(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[]
  }

  /** Rows one by one, as far as they are asked for. */
  each<Row>(sql: string, ...values: readonly SQLInputValue[]): Iterable<Row> {
    return this.#prepared(sql).iterate(...values) as Iterable<Row>
  }

  /**
   * Commits all that `work` changes, or nothing; work that throws undoes its own changes alone.
   *
   * @throws JobError that says what is wrong with the file.
   */
  commit<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.flush())
      this.#pending.push({ work, resolve: (result) => resolve(result as Result), reject })
    })
  }

  /** Commits at once what waits for it. */
  flush(): void {
    const batch = this.#pending
    this.#pending = []
    if (batch.length === 0) return
    try {
      this.#prepared('begin immediate').run()
      // What is alone is undone by undoing all.
      const done = batch.map(({ work }) => (batch.length === 1 ? doneAlone(work) : this.#apart(work)))
      this.#prepared('commit').run()
      batch.forEach(({ resolve, reject }, at) => {
        const each = done[at]
        if (each?.as === 'done') resolve(each.result)
        else reject(explain(this.file, each?.error))
      })
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('rollback')
      for (const { reject } of batch) reject(explain(this.file, error))
    }
  }

  /** @throws what has ended the whole transaction: a full disk makes SQLite do that by itself. */
  #apart(work: () => unknown): Done {
    this.#prepared('savepoint apart').run()
    try {
      const result = work()
      this.#prepared('release apart').run()
      return { as: 'done', result }
    } catch (error) {
      if (!this.#database.isTransaction) throw error
      this.#prepared('rollback to apart').run()
      this.#prepared('release apart').run()
      return { as: 'failed', error }
    }
  }

  /** Reads. @throws JobError that says what is wrong with the file. */
  read<Result>(work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      throw explain(this.file, error)
    }
  }

  /** Copies all into an empty file, beside the work. */
  copy(target: string, signal: AbortSignal): Promise<void> {
    return copyDatabase(this.#database, this.file, { target, signal })
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

const doneAlone = (work: () => unknown): Done => ({ as: 'done', result: work() })
