import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { explain } from '../sqlite.ts'

/**
 * Statements prepared once, and transactions that no other work of this process can get into, as nothing in them waits. What is
 * committed is synced to the disk.
 */
export class EmbeddedDatabase {
  readonly file: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

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

  /**
   * Commits all that `work` changes, or nothing.
   *
   * @throws JobError that says what is wrong with the file.
   */
  commit<Result>(work: () => Result): Result {
    try {
      this.#prepared('begin immediate').run()
      const result = work()
      this.#prepared('commit').run()
      return result
    } catch (error) {
      // A full disk makes SQLite end the transaction by itself.
      if (this.#database.isTransaction) this.#database.exec('rollback')
      throw explain(this.file, error)
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

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
