import type { Compilable, CompiledQuery } from 'kysely'
import type { Database } from './database.ts'

/** Stands in a kept query for a value that each use of it gives. */
class Given {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/**
 * A query that is built once for a database and then run with other values: to build one, and to make a text of it, costs
 * several times what it costs to run. `build` gets something that stands for each value, and may use it wherever a value goes.
 */
export function keptQuery<const Name extends string, Row>(
  names: readonly Name[],
  build: (db: Database, given: Readonly<Record<Name, string>>) => Compilable<Row>,
): (db: Database, values: Readonly<Record<Name, string | null>>) => Promise<readonly Row[]> {
  const given = Object.fromEntries(names.map((name) => [name, new Given(name)])) as never
  // For each database its own text: of the two they differ, and plugins change what is asked.
  const known = new WeakMap<Database, CompiledQuery<Row>>()
  return async (db, values) => {
    let query = known.get(db)
    if (!query) known.set(db, (query = build(db, given).compile()))
    const parameters = query.parameters.map((value) =>
      value instanceof Given ? values[value.name as Name] : value,
    )
    const { rows } = await db.executeQuery<Row>({ ...query, parameters })
    return rows
  }
}
