import { CompiledQuery, type Insertable } from 'kysely'
import type { Database } from './database.ts'
import type { Schema } from './schema.ts'

const SHAPES_MAX = 500
/** The SQL of inserts by table and columns, for each database. */
const KNOWN = new WeakMap<object, Map<string, string>>()

/**
 * Inserts one row, with the SQL of the last row of the same columns: to build the SQL of a wide row costs as much as to run it.
 */
export async function insertRow<T extends keyof Schema>(
  db: Database,
  table: T,
  row: Insertable<Schema[T]>,
): Promise<void> {
  const columns = Object.keys(row)
  const known = statementsOf(db)
  const shape = `${table}(${columns.join()})`
  let sql = known.get(shape)
  if (sql === undefined) {
    const compiled = db.insertInto(table).values(row).compile()
    if (compiled.parameters.length !== columns.length)
      throw new TypeError(`Cannot insert into ${table}, as each column needs a value of its own`)
    sql = compiled.sql
    if (known.size >= SHAPES_MAX) known.clear()
    known.set(shape, sql)
  }
  await db.executeQuery(CompiledQuery.raw(sql, Object.values(row)))
}

function statementsOf(db: Database): Map<string, string> {
  const { adapter } = db.getExecutor()
  const known = KNOWN.get(adapter) ?? new Map<string, string>()
  KNOWN.set(adapter, known)
  return known
}
