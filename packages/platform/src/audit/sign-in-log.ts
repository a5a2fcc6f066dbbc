import { CompiledQuery, type Insertable } from 'kysely'
import { after } from '../clock.ts'
import type { Database } from '../store/database.ts'
import type { Schema } from '../store/schema.ts'
import { unsynced } from '../store/unsynced.ts'
import type { SignIn } from './sign-in.ts'

type Row = Insertable<Schema['sign_in']>

/** How a sign-in log waits and what it tells of. */
export interface SignInLogOptions {
  readonly db: Database
  /** Told once of each failure that lasts: rows are kept until the next attempt. */
  readonly onFailure?: ((error: unknown) => void) | undefined
  /** The most rows that wait to be written; beyond it the oldest go, and are counted. Default 10,000. */
  readonly waitingMax?: number | undefined
}

const WAITING_MAX = 10_000
// A kill -9 loses the rows of the last 200 ms at most: a quarter of it to wait, the rest to write where the machine is busy.
const WAIT_MS = 50
const RETRY_MS = 1000
// All that come within the wait, at most times; few enough that nobody waits long for SQLite's one connection.
const BATCH = 500
// How many rows go into one statement: few kinds, so that they are prepared once.
const SIZES = [64, 8, 1]

/**
 * The log of token requests. `add` puts a row into memory and returns; rows are written in the background, in batches, and
 * kept for 30 days (`store/pruning.ts`). What cannot be written, as on a full disk, waits: no token request ever does.
 */
export class SignInLog {
  readonly #db: Database
  #onFailure: (error: unknown) => void
  readonly #waitingMax: number
  #waiting: SignIn[] = []
  #dropped = 0
  #failing = false
  #takeBack: (() => void) | undefined
  #writing: Promise<void> | undefined
  readonly #inserts = new Map<number, string>()

  constructor({ db, onFailure = () => {}, waitingMax = WAITING_MAX }: SignInLogOptions) {
    this.#db = db
    this.#onFailure = onFailure
    this.#waitingMax = waitingMax
  }

  /** Tells failures to somebody else from now on. */
  tellFailuresTo(onFailure: (error: unknown) => void): void {
    this.#onFailure = onFailure
  }

  /** Rows that could not be kept, since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** Rows that are not on the disk yet. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Logs one token request; takes no time that a client would notice. */
  add(signIn: SignIn): void {
    // Twice the bound before it is cut, so that a full buffer does not move every row for each new one.
    if (this.#waiting.push(signIn) >= 2 * this.#waitingMax) this.#drop()
    if (!this.#takeBack && !this.#writing) this.#later(WAIT_MS)
  }

  /** Writes everything that has been added so far; readers call it first. A failure is told, not thrown. */
  async flush(): Promise<void> {
    await this.#writing
    if (this.#waiting.length > 0) await this.#write()
  }

  /** Writes what waits and ends; the database is still the caller's to close. */
  async close(): Promise<void> {
    await this.flush()
    this.#takeBack?.()
    this.#takeBack = undefined
  }

  #later(ms: number): void {
    this.#takeBack = after(ms, () => {
      this.#takeBack = undefined
      void this.#write()
    })
  }

  #drop(): void {
    const over = this.#waiting.length - this.#waitingMax
    if (over <= 0) return
    this.#waiting.splice(0, over)
    this.#dropped += over
  }

  /** Writes batch after batch; never rejects. */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
      if (this.#waiting.length > 0 && !this.#takeBack) this.#later(this.#failing ? RETRY_MS : WAIT_MS)
    })
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH)
      try {
        await this.#insert(batch)
      } catch (error) {
        if (!this.#failing) this.#onFailure(error)
        this.#failing = true
        this.#drop()
        return
      }
      this.#failing = false
      // While it was written some may have been dropped, and those are not to be taken for the batch.
      const written = new Set(batch)
      this.#waiting = this.#waiting.filter((row) => !written.has(row))
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Writes all of them or none. Building a query costs more than running it, so there are few, and their texts are kept. */
  async #insert(batch: readonly SignIn[]): Promise<void> {
    await unsynced(this.#db, async (transaction) => {
      for (let done = 0, size = 0; done < batch.length; done += size) {
        size = SIZES.find((each) => each <= batch.length - done) ?? 1
        const piece = batch.slice(done, done + size)
        const values = piece.flatMap(valuesOf)
        const text = this.#inserts.get(size) ?? insertOf(transaction, piece)
        this.#inserts.set(size, text)
        await transaction.executeQuery(CompiledQuery.raw(text, values))
      }
    })
  }
}

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Each column of a row, and what stands there, in the order in which the kept texts of queries have them. */
const COLUMNS: { readonly [column in keyof Required<Row>]: (signIn: SignIn) => Row[column] } = {
  id: ({ id }) => id,
  tenant_id: ({ trail }) => trail.tenantId ?? '',
  at_ms: ({ atMs }) => atMs,
  event: ({ event }) => event,
  // What stands in place of a client id may be anything, a secret too.
  app_id: ({ trail: { appId } }) => (appId !== undefined && GUID.test(appId) ? appId.toLowerCase() : null),
  service_principal_id: ({ trail }) => trail.servicePrincipalId ?? null,
  resource_app_id: ({ trail }) => trail.resourceAppId ?? null,
  error_code: ({ errorCode }) => errorCode,
  ip_address: ({ ipAddress }) => ipAddress,
  correlation_id: ({ correlationId }) => correlationId,
  credential_kind: ({ trail }) => trail.credential?.kind ?? 'none',
  credential_key_id: ({ trail }) => trail.credential?.keyId ?? null,
  conditional_access: ({ trail }) => trail.conditionalAccess ?? 'notApplied',
  applied_policies: ({ trail }) => (trail.policies ? JSON.stringify(trail.policies) : null),
}
const CELLS = Object.values(COLUMNS)

const valuesOf = (signIn: SignIn): unknown[] => CELLS.map((cell) => cell(signIn))

function insertOf(db: Database, signIns: readonly SignIn[]): string {
  const rows = signIns.map((signIn) =>
    Object.fromEntries(Object.entries(COLUMNS).map(([column, cell]) => [column, cell(signIn)])),
  )
  return db
    .insertInto('sign_in')
    .values(rows as unknown as readonly Row[])
    .compile().sql
}
