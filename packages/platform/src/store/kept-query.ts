import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { Compilable, CompiledQuery } from 'kysely'
import type { Database } from './database.ts'
import { sqliteOf } from './sqlite-handle.ts'

/** Stands in a kept query for a value that each use of it gives. */
class Given {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

interface Kept<Row> {
  readonly query: CompiledQuery<Row>
  /** Runs it on SQLite, unless somebody has a transaction open, whose changes are nobody else's yet. */
  readonly direct: ((values: SQLInputValue[]) => readonly Row[] | undefined) | undefined
}

/**
 * A query that is built once for a database and then run with other values: to build one, and to make a text of it, costs
 * several times what it costs to run. On SQLite it is run at once, as to wait for a connection costs several times that too.
 * `build` gets something that stands for each value, and may use it wherever a value goes.
 */
export function keptQuery<const Name extends string, Row>(
  names: readonly Name[],
  build: (db: Database, given: Readonly<Record<Name, string>>) => Compilable<Row>,
): (db: Database, values: Readonly<Record<Name, string | null>>) => Promise<readonly Row[]> {
  const given = Object.fromEntries(names.map((name) => [name, new Given(name)])) as never
  // For each database its own text: of the two they differ, and plugins change what is asked.
  const known = new WeakMap<Database, Kept<Row>>()
  return async (db, values) => {
    let kept = known.get(db)
    if (!kept) known.set(db, (kept = keep(db, build(db, given).compile())))
    const { query, direct } = kept
    const parameters = query.parameters.map((value) =>
      value instanceof Given ? values[value.name as Name] : value,
    )
    const found = direct?.(parameters as SQLInputValue[])
    return found ?? (await db.executeQuery<Row>({ ...query, parameters })).rows
  }
}

function keep<Row>(db: Database, query: CompiledQuery<Row>): Kept<Row> {
  const sqlite = sqliteOf(db)
  if (!sqlite) return { query, direct: undefined }
  let statement: StatementSync | undefined
  const direct = (values: SQLInputValue[]) => {
    if (sqlite.isTransaction) return undefined
    statement ??= sqlite.prepare(query.sql)
    return statement.all(...values) as readonly unknown[] as readonly Row[]
  }
  return { query, direct }
}
