import { JobError } from '../errors.ts'
import type { EmbeddedDatabase } from './embedded-database.ts'
import type { Entries, RunCheckpoints, RunLease, StoredStep, Traffic } from './engine.ts'
import { idOf, leaseLost } from './run-records.ts'

interface EntryRow {
  readonly key: string
  readonly value: string
}

const SAVE_STEP = `insert into step (run_id, name, finished, value) values (?, ?, ?, ?)
  on conflict (run_id, name) do update set finished = excluded.finished, value = excluded.value`
const SAVE_ENTRY = `insert into entry (run_id, collection, key, value) values (?, ?, ?, ?)
  on conflict (run_id, collection, key) do update set value = excluded.value`

// SQLite takes no more than 32,766 values in one statement.
const KEYS_MAX = 10_000

/** Steps, cursors and ledgers in SQLite: a save is one synced commit. */
export class EmbeddedCheckpoints implements RunCheckpoints {
  readonly #db: EmbeddedDatabase
  readonly #leased: ReadonlyMap<number, unknown>

  /** Runs that are `leased` may save something in the same turn of the event loop. */
  constructor(db: EmbeddedDatabase, leased: ReadonlyMap<number, unknown>) {
    this.#db = db
    this.#leased = leased
  }

  async step({ id }: RunLease, name: string): Promise<StoredStep | undefined> {
    type Row = { finished: 0 | 1; value: string }
    const find = 'select finished, value from step where run_id = ? and name = ?'
    const row = this.#db.read(() => this.#db.one<Row>(find, idOf(id), name))
    return row && { finished: row.finished === 1, value: JSON.parse(row.value) as unknown }
  }

  async saveStep(
    run: RunLease,
    name: string,
    { finished, value }: StoredStep,
    entries: Entries,
    traffic: Traffic,
  ): Promise<void> {
    const rows = rowsOf(entries)
    const id = idOf(run.id)
    const [text, spent] = [JSON.stringify(value ?? null), JSON.stringify(traffic)]
    const saved = this.#db.commit(() => {
      const fence = this.#db.change(
        `update run set traffic = ?, deaths = 0, version = max(version, ?)
          where id = ? and epoch = ? and state = 'running'`,
        spent,
        run.version,
        id,
        run.epoch,
      )
      if (fence === 0) throw leaseLost()
      this.#db.change(SAVE_STEP, id, name, finished ? 1 : 0, text)
      for (const [collection, key, entry] of rows) this.#db.change(SAVE_ENTRY, id, collection, key, entry)
    })
    // There is nobody to share a commit with.
    if (this.#leased.size <= 1) this.#db.flush()
    await saved
  }

  async findEntries(
    { id }: RunLease,
    collection: string,
    keys: readonly string[],
  ): Promise<Map<string, unknown>> {
    const found = new Map<string, unknown>()
    const find = `select key, value from entry where run_id = ? and collection = ?
      and key in (select value from json_each(?))`
    for (let start = 0; start < keys.length; start += KEYS_MAX) {
      const chunk = JSON.stringify(keys.slice(start, start + KEYS_MAX))
      const rows = this.#db.read(() => this.#db.all<EntryRow>(find, idOf(id), collection, chunk))
      for (const { key, value } of rows) found.set(key, JSON.parse(value) as unknown)
    }
    return found
  }

  async pageEntries(
    { id }: RunLease,
    collection: string,
    after: string,
    limit: number,
  ): Promise<Map<string, unknown>> {
    const page = `select key, value from entry where run_id = ? and collection = ? and key > ?
      order by key limit ?`
    const rows = this.#db.read(() => this.#db.all<EntryRow>(page, idOf(id), collection, after, limit))
    return new Map(rows.map(({ key, value }) => [key, JSON.parse(value) as unknown]))
  }
}

/** New entries as rows. @throws JobError `ledger_key_empty`. */
export function rowsOf(
  entries: Entries,
): readonly (readonly [collection: string, key: string, value: string])[] {
  const rows = Object.entries(entries).flatMap(([collection, values]) =>
    Object.entries(values).map(([key, entry]) => [collection, key, JSON.stringify(entry ?? null)] as const),
  )
  if (rows.some(([, key]) => key === '')) throw emptyKey()
  return rows
}

// Going through a collection begins after the empty key, so an entry under it would never be seen again.
const emptyKey = () =>
  new JobError('Cannot save an entry of the ledger, as each needs a key: the key is empty', {
    code: 'ledger_key_empty',
  })
