import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  Driver,
  QueryCompiler,
  QueryResult,
  TransactionSettings,
} from 'kysely'
import { mayConcernTokens } from './token-tables.ts'

/** What is done around the statements of a database. */
export interface Observer {
  /**
   * Called after every write that may concern a token request, before it is acknowledged; of a transaction once, at its end.
   * A write that failed may have been done all the same, so it counts.
   */
  readonly onChange: () => void
  /** Called in every transaction before its first statement. */
  readonly onBegin?: ((connection: DatabaseConnection) => Promise<void>) | undefined
  /** Makes of a driver's error the one that is thrown; `isConnecting` if no connection could be had. */
  readonly explain?: ((error: unknown, isConnecting: boolean) => unknown) | undefined
}

/** A text that a database cannot hold; Fastify answers with the status. */
export class UnstorableText extends Error {
  override readonly name = 'UnstorableText'
  readonly statusCode = 400
}

/** Wraps a dialect so that its statements are observed; one kind of statement cannot be forgotten by whoever writes the next. */
export function observedDialect(inner: Dialect, observer: Observer): Dialect {
  return {
    createDriver: () => new ObservedDriver(inner.createDriver(), observer),
    createQueryCompiler: () => inner.createQueryCompiler(),
    createAdapter: () => inner.createAdapter(),
    createIntrospector: (db) => inner.createIntrospector(db),
  }
}

class ObservedDriver implements Driver {
  readonly #inner: Driver
  readonly #observer: Observer

  constructor(inner: Driver, observer: Observer) {
    this.#inner = inner
    this.#observer = observer
  }

  init(): Promise<void> {
    return this.#inner.init()
  }

  async acquireConnection(): Promise<ObservedConnection> {
    const inner = await this.#explaining(() => this.#inner.acquireConnection(), true)
    return new ObservedConnection(inner, this.#observer)
  }

  async beginTransaction(connection: ObservedConnection, settings: TransactionSettings): Promise<void> {
    await this.#explaining(async () => {
      await this.#inner.beginTransaction(connection.inner, settings)
      await this.#observer.onBegin?.(connection.inner)
    })
    connection.begin()
  }

  async commitTransaction(connection: ObservedConnection): Promise<void> {
    try {
      await this.#explaining(() => this.#inner.commitTransaction(connection.inner))
    } finally {
      connection.end()
    }
  }

  async rollbackTransaction(connection: ObservedConnection): Promise<void> {
    try {
      await this.#inner.rollbackTransaction(connection.inner)
    } finally {
      connection.end()
    }
  }

  async savepoint(connection: ObservedConnection, name: string, compile: QueryCompiler['compileQuery']) {
    await this.#inner.savepoint?.(connection.inner, name, compile)
  }

  async rollbackToSavepoint(
    connection: ObservedConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ) {
    await this.#inner.rollbackToSavepoint?.(connection.inner, name, compile)
  }

  async releaseSavepoint(
    connection: ObservedConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ) {
    await this.#inner.releaseSavepoint?.(connection.inner, name, compile)
  }

  releaseConnection(connection: ObservedConnection): Promise<void> {
    return this.#inner.releaseConnection(connection.inner)
  }

  destroy(): Promise<void> {
    return this.#inner.destroy()
  }

  async #explaining<T>(act: () => Promise<T>, isConnecting = false): Promise<T> {
    const { explain = (error: unknown) => error } = this.#observer
    try {
      return await act()
    } catch (error) {
      throw explain(error, isConnecting)
    }
  }
}

class ObservedConnection implements DatabaseConnection {
  readonly inner: DatabaseConnection
  readonly #observer: Observer
  #isInTransaction = false
  #hasChanged = false

  constructor(inner: DatabaseConnection, observer: Observer) {
    this.inner = inner
    this.#observer = observer
  }

  begin(): void {
    this.#isInTransaction = true
  }

  end(): void {
    const changed = this.#hasChanged
    this.#isInTransaction = false
    this.#hasChanged = false
    if (changed) this.#observer.onChange()
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    refuseNul(query.parameters)
    try {
      return await this.inner.executeQuery<R>(query)
    } catch (error) {
      const { explain } = this.#observer
      throw explain ? explain(error, false) : error
    } finally {
      if (mayConcernTokens(query.sql)) this.#changed()
    }
  }

  streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    refuseNul(query.parameters)
    return this.inner.streamQuery<R>(query, chunkSize)
  }

  #changed(): void {
    if (this.#isInTransaction) this.#hasChanged = true
    else this.#observer.onChange()
  }
}

/** PostgreSQL has no place for U+0000 in a text, and SQLite's functions stop at it: neither gets one. */
function refuseNul(parameters: readonly unknown[]): void {
  if (parameters.some((value) => typeof value === 'string' && value.includes('\0')))
    throw new UnstorableText('Cannot store or look for a text with U+0000 in it')
}
