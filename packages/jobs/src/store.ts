import { type Generated, Kysely, sql } from 'kysely'
import type { Now } from './clock.ts'
import { type Entries, NO_TRAFFIC, type StoredStep, type Traffic } from './engine/engine.ts'
import { JobError } from './errors.ts'
import { explain, openSqlite, sqliteDialect } from './sqlite.ts'

/** A run as it is kept. */
export interface StoredRun {
  readonly id: number
  readonly job: string
  readonly key: string
  readonly traffic: Traffic
}

interface Schema {
  run: {
    id: Generated<number>
    job: string
    key: string
    state: RunState
    traffic: string
    result: string | null
    started_at_ms: number
    ended_at_ms: number | null
  }
  step: { run_id: number; name: string; finished: 0 | 1; value: string }
  entry: { run_id: number; collection: string; key: string; value: string }
}

/** `superseded` is an unfinished run whose input has changed: its rest will never be done. */
type RunState = 'running' | 'finished' | 'superseded'

/** Runs, their steps' cursors and their ledgers, in one SQLite file. Every write is on the disk when its promise resolves. */
export class CheckpointStore {
  readonly #db: Kysely<Schema>
  readonly #file: string

  private constructor(db: Kysely<Schema>, file: string) {
    this.#db = db
    this.#file = file
  }

  /** @throws JobError if the file cannot be used, another process holds it, or it is damaged. */
  static async open(file: string): Promise<CheckpointStore> {
    const db = new Kysely<Schema>({ dialect: sqliteDialect(openSqlite(file)) })
    const store = new CheckpointStore(db, file)
    await store.#guarded(() => createTables(db))
    return store
  }

  async close(): Promise<void> {
    await this.#db.destroy()
  }

  /**
   * Returns the unfinished run of this job and key, or begins one; unfinished runs of other keys are superseded.
   * `resumed` says whether something has been saved in it.
   */
  async begin(
    job: string,
    key: string,
    now: Now,
  ): Promise<{ readonly run: StoredRun; readonly resumed: boolean }> {
    return this.#guarded(async () => {
      const open = this.#db
        .selectFrom('run')
        .selectAll()
        .where('job', '=', job)
        .where('state', '=', 'running')
      const known = await open.where('key', '=', key).executeTakeFirst()
      if (known) {
        const step = await this.#db
          .selectFrom('step')
          .select('name')
          .where('run_id', '=', known.id)
          .executeTakeFirst()
        return {
          run: { ...known, traffic: JSON.parse(known.traffic) as Traffic },
          resumed: step !== undefined,
        }
      }
      const started_at_ms = now()
      const row = {
        job,
        key,
        state: 'running' as const,
        traffic: JSON.stringify(NO_TRAFFIC),
        result: null,
        started_at_ms,
        ended_at_ms: null,
      }
      const id = await this.#db.transaction().execute(async (transaction) => {
        const others = transaction.updateTable('run').where('job', '=', job).where('state', '=', 'running')
        const dropped = await others
          .set({ state: 'superseded', ended_at_ms: started_at_ms })
          .returning('id')
          .execute()
        for (const other of dropped) await forget(transaction, other.id)
        const inserted = await transaction
          .insertInto('run')
          .values(row)
          .returning('id')
          .executeTakeFirstOrThrow()
        return inserted.id
      })
      return { run: { id, job, key, traffic: NO_TRAFFIC }, resumed: false }
    })
  }

  /** Ends a run: its result stays; its steps and its ledger, which only a resumed run needs, go. */
  async finish(runId: number, result: unknown, traffic: Traffic, now: Now): Promise<void> {
    await this.#guarded(async () => {
      const row = {
        state: 'finished' as const,
        result: JSON.stringify(result),
        traffic: JSON.stringify(traffic),
        ended_at_ms: now(),
      }
      await this.#db.transaction().execute(async (transaction) => {
        await transaction.updateTable('run').set(row).where('id', '=', runId).execute()
        await forget(transaction, runId)
      })
    })
  }

  async step(runId: number, name: string): Promise<StoredStep | undefined> {
    const query = this.#db.selectFrom('step').selectAll().where('run_id', '=', runId).where('name', '=', name)
    const row = await this.#guarded(() => query.executeTakeFirst())
    return row && { finished: row.finished === 1, value: JSON.parse(row.value) as unknown }
  }

  /** Writes the step, the new entries and the traffic in one synced transaction: all of it or nothing. */
  async saveStep(
    runId: number,
    name: string,
    { finished, value }: StoredStep,
    entries: Entries,
    traffic: Traffic,
  ): Promise<void> {
    const step = { finished: finished ? (1 as const) : (0 as const), value: JSON.stringify(value ?? null) }
    const rows = Object.entries(entries).flatMap(([collection, values]) =>
      Object.entries(values).map(([key, entry]) => ({
        run_id: runId,
        collection,
        key,
        value: JSON.stringify(entry ?? null),
      })),
    )
    if (rows.some(({ key }) => key === '')) throw emptyKey()
    await this.#guarded(() =>
      this.#db.transaction().execute(async (transaction) => {
        const insert = transaction.insertInto('step').values({ run_id: runId, name, ...step })
        await insert
          .onConflict((conflict) => conflict.columns(['run_id', 'name']).doUpdateSet(step))
          .execute()
        for (const row of rows) {
          const entry = transaction.insertInto('entry').values(row)
          await entry
            .onConflict((conflict) =>
              conflict.columns(['run_id', 'collection', 'key']).doUpdateSet({ value: row.value }),
            )
            .execute()
        }
        await transaction
          .updateTable('run')
          .set({ traffic: JSON.stringify(traffic) })
          .where('id', '=', runId)
          .execute()
      }),
    )
  }

  /** Returns those of the keys that the collection holds. */
  async findEntries(
    runId: number,
    collection: string,
    keys: readonly string[],
  ): Promise<Map<string, unknown>> {
    const found = new Map<string, unknown>()
    for (let start = 0; start < keys.length; start += KEYS_MAX) {
      const chunk = keys.slice(start, start + KEYS_MAX)
      const query = this.#entries(runId, collection).where('key', 'in', chunk)
      for (const [key, value] of entryMap(await this.#guarded(() => query.execute()))) found.set(key, value)
    }
    return found
  }

  /** Returns up to `limit` entries after a key, in the order of their keys. */
  async pageEntries(
    runId: number,
    collection: string,
    after: string,
    limit: number,
  ): Promise<Map<string, unknown>> {
    const query = this.#entries(runId, collection).where('key', '>', after).orderBy('key').limit(limit)
    return entryMap(await this.#guarded(() => query.execute()))
  }

  #entries(runId: number, collection: string) {
    return this.#db
      .selectFrom('entry')
      .select(['key', 'value'])
      .where('run_id', '=', runId)
      .where('collection', '=', collection)
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw explain(this.#file, error)
    }
  }
}

// SQLite takes no more than 32,766 values in one statement.
const KEYS_MAX = 10_000

// Going through a collection begins after the empty key, so an entry under it would never be seen again.
const emptyKey = () =>
  new JobError('Cannot save an entry of the ledger, as each needs a key: the key is empty', {
    code: 'ledger_key_empty',
  })

async function forget(db: Kysely<Schema>, runId: number): Promise<void> {
  await db.deleteFrom('step').where('run_id', '=', runId).execute()
  await db.deleteFrom('entry').where('run_id', '=', runId).execute()
}

const entryMap = (rows: readonly { readonly key: string; readonly value: string }[]) =>
  new Map(rows.map(({ key, value }) => [key, JSON.parse(value) as unknown]))

async function createTables(db: Kysely<Schema>): Promise<void> {
  await sql`create table if not exists run (
    id integer primary key autoincrement, job text not null, key text not null, state text not null,
    traffic text not null, result text, started_at_ms integer not null, ended_at_ms integer)`.execute(db)
  await sql`create table if not exists step (
    run_id integer not null, name text not null, finished integer not null, value text not null,
    primary key (run_id, name)) without rowid`.execute(db)
  await sql`create table if not exists entry (
    run_id integer not null, collection text not null, key text not null, value text not null,
    primary key (run_id, collection, key)) without rowid`.execute(db)
}
