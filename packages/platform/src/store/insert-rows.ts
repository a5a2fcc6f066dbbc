import { CompiledQuery, type Insertable } from 'kysely'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

const SHAPES_MAX = 500
/** The SQL of inserts by table, columns and number of rows, for each database. */
const KNOWN = new WeakMap<object, Map<string, string>>()

/**
 * Inserts rows by one statement, with the SQL of the last ones of the same columns: to build the SQL of a wide row costs as much
 * as to run it. A column that other rows have and a row lacks is null.
 */
export async function insertRows<T extends keyof Schema>(
  db: Database,
  table: T,
  rows: readonly Insertable<Schema[T]>[],
): Promise<void> {
  if (rows.length > 0) await db.executeQuery(insertion(db, table, rows, 'all'))
}

/**
 * Inserts rows by one statement, but for those whose unique values another row has, be it one before them in the list; returns
 * the ids of those that were written. To leave a row out spoils no transaction, as a refused statement does on PostgreSQL.
 */
export async function insertUntaken<T extends 'user'>(
  db: Database,
  table: T,
  rows: readonly Insertable<Schema[T]>[],
): Promise<ReadonlySet<string>> {
  if (rows.length === 0) return new Set()
  const written = await db.executeQuery<{ readonly id: string }>(insertion(db, table, rows, 'untaken'))
  return new Set(written.rows.map(({ id }) => id))
}

function insertion<T extends keyof Schema>(
  db: Database,
  table: T,
  rows: readonly Insertable<Schema[T]>[],
  which: 'all' | 'untaken',
): CompiledQuery<never> {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const values = rows.map((row) =>
    columns.map((name) => (row as Readonly<Record<string, unknown>>)[name] ?? null),
  )
  const known = statementsOf(db)
  const shape = `${which} ${rows.length} ${table}(${columns.join()})`
  let sql = known.get(shape)
  if (sql === undefined) {
    sql = compiled(
      db,
      table,
      values.map((row) => Object.fromEntries(row.map((value, at) => [columns[at], value]))),
      which,
    )
    if (known.size >= SHAPES_MAX) known.clear()
    known.set(shape, sql)
  }
  return CompiledQuery.raw(sql, values.flat()) as CompiledQuery<never>
}

function compiled(
  db: Database,
  table: keyof Schema,
  rows: readonly object[],
  which: 'all' | 'untaken',
): string {
  const insert = db.insertInto(table as 'user').values(rows as Insertable<Schema['user']>[])
  const query = which === 'all' ? insert : insert.onConflict((on) => on.doNothing()).returning('id')
  const { sql, parameters } = query.compile()
  if (parameters.length !== rows.length * Object.keys(rows[0] ?? {}).length)
    throw new TypeError(`Cannot insert into ${table}, as each column needs a value of its own`)
  return sql
}

function statementsOf(db: Database): Map<string, string> {
  const { adapter } = db.getExecutor()
  const known = KNOWN.get(adapter) ?? new Map<string, string>()
  KNOWN.set(adapter, known)
  return known
}
