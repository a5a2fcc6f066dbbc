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
import type { Turns } from './turns.ts'

/** What is done around the statements of a database. */
export interface Observer {
  /**
   * Called after every write that may concern a token request, before it is acknowledged; of a transaction once, at its end.
   * A write that failed may have been done all the same, so it counts.
   */
  readonly onChange: () => void
  /** Whose turn it is to have a transaction: waited for before there is a connection. Without it, all have theirs at once. */
  readonly turns?: Turns | undefined
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
    const acquire = () => explaining(this.#observer, () => this.#inner.acquireConnection(), true)
    return new ObservedConnection(acquire, this.#observer)
  }

  async beginTransaction(connection: ObservedConnection, settings: TransactionSettings): Promise<void> {
    await connection.takeTurn()
    const inner = await connection.inner()
    await explaining(this.#observer, () => this.#inner.beginTransaction(inner, settings))
    try {
      await explaining(this.#observer, async () => this.#observer.onBegin?.(inner))
    } catch (error) {
      // Nobody ends a transaction that has not begun for them, and the connection is used again.
      await this.#inner.rollbackTransaction(inner).catch(() => {})
      throw error
    }
    connection.begin()
  }

  async commitTransaction(connection: ObservedConnection): Promise<void> {
    try {
      const inner = await connection.inner()
      await explaining(this.#observer, () => this.#inner.commitTransaction(inner))
    } finally {
      connection.end()
    }
  }

  async rollbackTransaction(connection: ObservedConnection): Promise<void> {
    try {
      await this.#inner.rollbackTransaction(await connection.inner())
    } finally {
      connection.end()
    }
  }

  async savepoint(connection: ObservedConnection, name: string, compile: QueryCompiler['compileQuery']) {
    await this.#inner.savepoint?.(await connection.inner(), name, compile)
  }

  async rollbackToSavepoint(
    connection: ObservedConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ) {
    await this.#inner.rollbackToSavepoint?.(await connection.inner(), name, compile)
  }

  async releaseSavepoint(
    connection: ObservedConnection,
    name: string,
    compile: QueryCompiler['compileQuery'],
  ) {
    await this.#inner.releaseSavepoint?.(await connection.inner(), name, compile)
  }

  async releaseConnection(connection: ObservedConnection): Promise<void> {
    await connection.release((inner) => this.#inner.releaseConnection(inner))
  }

  destroy(): Promise<void> {
    return this.#inner.destroy()
  }
}

async function explaining<T>({ explain }: Observer, act: () => Promise<T>, isConnecting = false): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw explain ? explain(error, isConnecting) : error
  }
}

/** A connection that is taken from its pool when it is first needed: whoever waits for a turn keeps it from nobody. */
class ObservedConnection implements DatabaseConnection {
  readonly #acquire: () => Promise<DatabaseConnection>
  readonly #observer: Observer
  #inner: DatabaseConnection | undefined
  #hasTurn = false
  #isInTransaction = false
  #hasChanged = false

  constructor(acquire: () => Promise<DatabaseConnection>, observer: Observer) {
    this.#acquire = acquire
    this.#observer = observer
  }

  async inner(): Promise<DatabaseConnection> {
    this.#inner ??= await this.#acquire()
    return this.#inner
  }

  async takeTurn(): Promise<void> {
    const { turns } = this.#observer
    if (turns === undefined || this.#hasTurn) return
    await turns.take()
    this.#hasTurn = true
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

  async release(giveBack: (inner: DatabaseConnection) => Promise<void>): Promise<void> {
    try {
      if (this.#inner) await giveBack(this.#inner)
    } finally {
      if (this.#hasTurn) this.#observer.turns?.give()
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    refuseNul(query.parameters)
    const inner = this.#inner ?? (await this.inner())
    try {
      return await inner.executeQuery<R>(query)
    } catch (error) {
      const { explain } = this.#observer
      throw explain ? explain(error, false) : error
    } finally {
      if (mayConcernTokens(query.sql)) this.#changed()
    }
  }

  async *streamQuery<R>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<R>> {
    refuseNul(query.parameters)
    yield* (await this.inner()).streamQuery<R>(query, chunkSize)
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
