import { badRequest, unsupportedQuery } from '../graph/errors.ts'
import type { DirectoryStore } from './collection.ts'
import { linkedObjects } from './linked-objects.ts'
import { selectedOfAny } from './mixed-types.ts'
import { type ObjectType, type Row, selectedNames, typedObject } from './object-type.ts'
import { USER } from './properties.ts'

/** A relationship that `$expand` asks for, and what it shows of it. */
export interface Expansion {
  readonly relationship: 'manager' | 'members' | 'owners'
  /** The column that it needs of the row. */
  readonly column: string | undefined
  /** Undefined for the default properties of each type. */
  readonly select: string | undefined
}

const RELATIONSHIPS: Readonly<Record<ObjectType['typeName'], readonly Expansion['relationship'][]>> = {
  user: ['manager'],
  group: ['members', 'owners'],
}

/**
 * Reads `$expand`: `manager` of users, `members` or `owners` of groups, with a `$select` of their own in brackets.
 *
 * @throws GraphError 400 for any other relationship or option, and for more than one, as Graph.
 */
export function readExpansions(type: ObjectType, expand: string | undefined): readonly Expansion[] {
  if (expand === undefined) return []
  const [, name = '', options] = /^\s*(\w+)(?:\(([^()]*)\))?\s*$/.exec(expand) ?? []
  const relationship = RELATIONSHIPS[type.typeName].find((one) => one === name)
  if (!relationship)
    throw badRequest(
      `Could not find a property named '${(name || expand).slice(0, 100)}' on type 'microsoft.graph.${type.typeName}' that can be expanded.`,
    )
  const select = options === undefined ? undefined : /^\s*\$select=([\w,\s]+)$/.exec(options)?.[1]
  if (options !== undefined && select === undefined)
    throw unsupportedQuery(`Option '${options.slice(0, 100)}' is not supported inside $expand.`)
  if (select !== undefined && relationship === 'manager') selectedNames(USER, select)
  if (select !== undefined && relationship !== 'manager') selectedOfAny(select)
  return [{ relationship, column: relationship === 'manager' ? 'manager_id' : undefined, select }]
}

// Graph's own limit for members and owners in an expansion.
const EXPANDED_MAX = 20

/** What each row's expansion adds to its object. A user without a manager gets nothing. */
export async function expand(
  store: DirectoryStore,
  rows: readonly Row[],
  expansions: readonly Expansion[],
): Promise<readonly object[]> {
  const [expansion] = expansions
  if (!expansion || rows.length === 0) return rows.map(() => ({}))
  if (expansion.relationship === 'manager') return managersOf(store, rows, expansion)
  const named = selectedOfAny(expansion.select)
  const added: object[] = []
  for (const row of rows) {
    const value = await linkedObjects(store, expansion.relationship, String(row['id']), EXPANDED_MAX, named)
    added.push({ [expansion.relationship]: value })
  }
  return added
}

async function managersOf(
  { db, tenantId }: DirectoryStore,
  rows: readonly Row[],
  { select }: Expansion,
): Promise<readonly object[]> {
  const ids = [
    ...new Set(rows.flatMap((row) => (typeof row['manager_id'] === 'string' ? [row['manager_id']] : []))),
  ]
  if (ids.length === 0) return rows.map(() => ({}))
  const managers = await db
    .selectFrom('user')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', ids)
    .execute()
  const names = selectedNames(USER, select)
  const shown = new Map(managers.map((row) => [row.id, typedObject(USER, row, names)]))
  return rows.map((row) => {
    const manager = shown.get(String(row['manager_id']))
    return manager ? { manager } : {}
  })
}
