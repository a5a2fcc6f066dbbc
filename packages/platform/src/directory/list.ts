import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { badRequest, unsupportedQuery } from '../graph/errors.ts'
import { parseExpression } from '../graph/expression.ts'
import { nextLink, pageSize, pageStart, type Query, readQuery } from '../graph/query.ts'
import { type DirectoryStore, isAdvanced, type ListCall, type Page } from './collection.ts'
import { type Condition, filterCondition, searchCondition } from './conditions.ts'
import { type Expansion, expand, readExpansions } from './expansions.ts'
import { type ObjectType, objectOf, propertyOf, type Row, selectedNames } from './object-type.ts'

const OPTIONS = ['$select', '$filter', '$orderby', '$search', '$count', '$top', '$expand', '$skiptoken']

interface Ordering {
  readonly column: string
  /** What a page's token holds of the column. */
  readonly key: 'number' | 'string'
  readonly descending: boolean
}

interface Plan {
  readonly query: Query
  readonly names: readonly string[]
  readonly expansions: readonly Expansion[]
  readonly conditions: readonly Condition[]
  readonly ordering: Ordering | undefined
  readonly size: number
}

/**
 * Lists a page of users or groups, in the order of their creation unless `$orderby` says otherwise. `scope` narrows the collection,
 * as to the members of a group.
 *
 * @throws GraphError 400 for what Graph does not support, and for what needs an advanced query and comes without.
 */
export async function listObjects(type: ObjectType, call: ListCall, scope?: Condition): Promise<Page> {
  const plan = planOf(type, call, scope)
  const rows = await pageRows(type, call, plan)
  const page = rows.slice(0, plan.size)
  const last = page.at(-1)
  const expanded = await expand(call, page, plan.expansions)
  const isFirst = plan.query['$skiptoken'] === undefined
  return {
    value: page.map((row, index) => ({ ...objectOf(type, row, plan.names), ...expanded[index] })),
    next:
      rows.length > plan.size && last ? nextLink(call.url, plan.query, positionOf(last, plan)) : undefined,
    count:
      isFirst && plan.query['$count'] === 'true' ? await countRows(type, call, plan.conditions) : undefined,
  }
}

/** Counts what a list would hold. @throws GraphError 400 without the header `ConsistencyLevel: eventual`. */
export async function countObjects(type: ObjectType, call: ListCall, scope?: Condition): Promise<number> {
  const query = readQuery(call.query, ['$filter', '$search'])
  if (!call.eventual) throw badRequest('$count is not currently supported.')
  return countRows(type, call, conditionsOf(type, query, true, scope))
}

function planOf(type: ObjectType, call: ListCall, scope: Condition | undefined): Plan {
  const query = readQuery(call.query, OPTIONS)
  const advanced = isAdvanced(query, call.eventual)
  if (query['$search'] !== undefined && !call.eventual)
    throw unsupportedQuery(
      "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'",
    )
  if (query['$expand'] !== undefined && (advanced || query['$search'] !== undefined))
    throw unsupportedQuery('$expand is not currently supported with advanced queries.')
  return {
    query,
    names: selectedNames(type, query['$select']),
    expansions: readExpansions(type, query['$expand']),
    conditions: conditionsOf(type, query, advanced, scope),
    ordering: orderingOf(type, query, advanced),
    size: pageSize(query['$top']),
  }
}

function conditionsOf(
  type: ObjectType,
  query: Query,
  advanced: boolean,
  scope: Condition | undefined,
): readonly Condition[] {
  const { $filter: filter, $search: search } = query
  return [
    ...(scope ? [scope] : []),
    ...(filter === undefined ? [] : [filterCondition(type, parseExpression(filter), advanced)]),
    ...(search === undefined ? [] : [searchCondition(type, search)]),
  ]
}

function orderingOf(type: ObjectType, query: Query, advanced: boolean): Ordering | undefined {
  if (query['$orderby'] === undefined) return undefined
  const [, name = '', direction = 'asc'] = /^\s*(\w+)(?:\s+(asc|desc))?\s*$/.exec(query['$orderby']) ?? []
  const property = propertyOf(type, name)
  if (!property?.ordering)
    throw unsupportedQuery(
      `Unsupported sort property '${query['$orderby'].slice(0, 100)}' for '${type.name}'.`,
    )
  const isPlain = property.ordering === 'always' && query['$filter'] === undefined
  if (!advanced && !isPlain) throw unsupportedQuery('Sorting not supported for current query.')
  return {
    column: property.filterColumn ?? property.column,
    key: property.type === 'instant' ? 'number' : 'string',
    descending: direction === 'desc',
  }
}

async function pageRows(
  type: ObjectType,
  { db, tenantId }: DirectoryStore,
  plan: Plan,
): Promise<readonly Row[]> {
  const { ordering, conditions, size, query } = plan
  const after = afterCondition(ordering, query['$skiptoken'])
  let select = db
    .selectFrom(type.table as 'user')
    .select(columnsOf(type, plan) as 'id'[])
    .where('tenant_id', '=', tenantId)
    .where(sql<SqlBool>`${sql.join([...conditions, ...after, sql`true`], sql` and `)}`)
  const direction = ordering?.descending ? 'desc' : 'asc'
  if (ordering) select = select.orderBy(sql.ref(ordering.column), direction)
  return select
    .orderBy('seq', direction)
    .limit(size + 1)
    .execute()
}

/** The columns that a page needs, and no more: a row has some forty. */
function columnsOf(type: ObjectType, { names, ordering, expansions }: Plan): readonly string[] {
  const columns = names.map((name) => propertyOf(type, name)?.column ?? 'id')
  const more = [...(ordering ? [ordering.column] : []), ...expansions.flatMap(({ column }) => column ?? [])]
  return [...new Set(['seq', 'id', ...columns, ...more])]
}

function afterCondition(
  ordering: Ordering | undefined,
  skiptoken: string | undefined,
): readonly RawBuilder<unknown>[] {
  if (skiptoken === undefined) return []
  const { seq, key } = pageStart(skiptoken)
  if ((ordering?.key ?? 'undefined') !== typeof key) throw badRequest('Skip token is invalid.')
  if (!ordering) return [sql`seq > ${seq}`]
  const sign = ordering.descending ? sql`<` : sql`>`
  return [sql`(${sql.ref(ordering.column)}, seq) ${sign} (${key}, ${seq})`]
}

function positionOf(last: Row, { ordering }: Plan) {
  const key = ordering && (last[ordering.column] as string | number)
  return { seq: Number(last['seq']), key }
}

async function countRows(
  type: ObjectType,
  { db, tenantId }: DirectoryStore,
  conditions: readonly Condition[],
): Promise<number> {
  const { count } = await db
    .selectFrom(type.table as 'user')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('tenant_id', '=', tenantId)
    .where(sql<SqlBool>`${sql.join([...conditions, sql`true`], sql` and `)}`)
    .executeTakeFirstOrThrow()
  return Number(count)
}
