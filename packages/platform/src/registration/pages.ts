import { type Expression, sql, type SqlBool } from 'kysely'
import { isAdvanced, type ListCall, type Page } from '../directory/collection.ts'
import { type Condition, type FilteredType, filterCondition } from '../directory/conditions.ts'
import { badRequest } from '../graph/errors.ts'
import { parseExpression } from '../graph/expression.ts'
import { nextLink, pageSize, pageStart, readQuery } from '../graph/query.ts'

/** A kind of object in a list of registrations. */
export interface ListedType extends FilteredType {
  /** As Graph's errors name it, such as `application`. */
  readonly typeName: string
  /** What `$select` may name. */
  readonly names: readonly string[]
}

/** What a `$select` needs to know of a kind of object. */
type SelectedType = Pick<ListedType, 'typeName' | 'names'>

/** What a list is made of. */
export interface Listing<Row extends { readonly id: string }> {
  readonly type: ListedType
  /** All rows that fit a condition, each with a column `id`. */
  readonly rows: (condition: Condition) => Expression<unknown>
  readonly show: (rows: readonly Row[]) => Promise<readonly object[]> | readonly object[]
}

/**
 * Lists a page of registrations in the order of ids, as pages of people are listed: `$top`, `$filter`, `$select`, and `$count` with
 * the header `ConsistencyLevel: eventual`.
 *
 * @throws GraphError 400 for what is not supported.
 */
export async function listPage<Row extends { readonly id: string }>(
  call: ListCall,
  { type, rows, show }: Listing<Row>,
): Promise<Page> {
  const query = readQuery(call.query, ['$filter', '$select', '$count', '$top', '$skiptoken'])
  const counted = isAdvanced(query, call.eventual)
  const { $filter: filter, $select: select, $top: top, $skiptoken: token } = query
  const names = selectedFrom(type, select)
  const fitting = rows(
    filter === undefined ? sql<SqlBool>`true` : filterCondition(type, parseExpression(filter), counted),
  )
  const after = token === undefined ? '' : pageStart(token).key
  if (typeof after !== 'string') throw badRequest('Skip token is invalid.')
  const size = pageSize(top)
  const found = await sql<Row>`
    select * from ${fitting} as listed where id > ${after} order by id limit ${size + 1}`.execute(call.db)
  const page = found.rows.slice(0, size)
  const last = page.at(-1)
  const objects = await show(page)
  return {
    value: names ? objects.map((object) => picked(object, names)) : objects,
    next: found.rows.length > size && last ? nextLink(call.url, query, { seq: 0, key: last.id }) : undefined,
    count: counted && token === undefined ? await countOf(call, fitting) : undefined,
  }
}

/** An object with what `$select` asks for; any other option is refused. @throws GraphError 400. */
export function selectedObject(type: SelectedType, object: object, rawQuery: unknown): object {
  const names = selectedFrom(type, readQuery(rawQuery, ['$select'])['$select'])
  return names ? picked(object, names) : object
}

function selectedFrom({ typeName, names }: SelectedType, select: string | undefined) {
  if (select === undefined || select === '*') return undefined
  const wanted = [...new Set(select.split(',').map((name) => name.trim()))]
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown === undefined) return wanted
  throw badRequest(
    `Could not find a property named '${unknown.slice(0, 100)}' on type 'microsoft.graph.${typeName}'.`,
  )
}

const picked = (object: object, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name.startsWith('@') || names.includes(name)))

async function countOf({ db }: ListCall, fitting: Expression<unknown>): Promise<number> {
  const counted = sql<{ readonly count: number | string }>`select count(*) as count from ${fitting} as listed`
  return Number((await counted.execute(db)).rows[0]?.count ?? 0)
}
