import { type RawBuilder, sql, type SqlBool } from 'kysely'
import { badRequest, unsupportedQuery } from '../graph/errors.ts'
import type { Comparison, Expression, Literal } from '../graph/expression.ts'
import { fold, LIST_MARK } from './folding.ts'
import type { FilteredType, Operator, Property } from './object-type.ts'
import { propertyOf } from './object-type.ts'

export type { FilteredType } from './object-type.ts'

/** A condition in SQL. */
export type Condition = RawBuilder<SqlBool>

/**
 * A `$filter` as a condition over the type's table. `advanced` says whether the request asks for an advanced query: the
 * header `ConsistencyLevel: eventual` and `$count=true` (wire.md §13.5).
 *
 * @throws GraphError 400 for properties and operators that Graph does not support there.
 */
export function filterCondition(type: FilteredType, expression: Expression, advanced: boolean): Condition {
  if (expression.kind === 'compare') return comparison(type, expression, advanced)
  if (expression.kind === 'not') {
    if (!advanced) throw needsAdvanced('not')
    // What is unknown, because there is no value, counts as not so.
    return sql<SqlBool>`not coalesce(${filterCondition(type, expression.of, advanced)}, false)`
  }
  const parts = expression.parts.map((part) => filterCondition(type, part, advanced))
  return sql<SqlBool>`(${sql.join(parts, expression.kind === 'and' ? sql` and ` : sql` or `)})`
}

const needsAdvanced = (operator: string) =>
  unsupportedQuery(
    `Operator '${operator}' is not supported because the required parameters might be missing. Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more information`,
  )

const unsupportedClause = (type: FilteredType, name: string) =>
  unsupportedQuery(
    `Unsupported or invalid query filter clause specified for property '${name.slice(0, 100)}' of resource '${type.name}'.`,
  )

function comparison(type: FilteredType, compared: Comparison, advanced: boolean): Condition {
  const property = propertyOf(type, compared.property)
  const { filtering } = property ?? {}
  if (!property || !filtering || (property.type === 'texts') !== (compared.on !== 'value'))
    throw unsupportedClause(type, compared.property)
  if (compared.on === 'count') return emptiness(type, property, compared, advanced)
  const operator: Operator = compared.values.some(({ kind }) => kind === 'null') ? 'null' : compared.operator
  if (!filtering.always.includes(operator)) {
    if (!filtering.advanced.includes(operator)) throw unsupportedClause(type, compared.property)
    if (!advanced) throw needsAdvanced(operator === 'null' ? compared.operator : operator)
  }
  const column = comparedColumn(property)
  if (compared.on === 'any') return anyCondition(type, column, compared)
  if (operator === 'null') return nullCondition(type, property, compared)
  const values = compared.values.map((value) => valueOf(value, property))
  return valueCondition(column, compared.operator, values)
}

/** What is compared: a folded copy, or what the database makes of the letters A to Z where there is none. */
const comparedColumn = ({ column, filterColumn, unfolded }: Property): RawBuilder<unknown> =>
  unfolded ? sql`lower(${sql.ref(column)})` : sql.ref(filterColumn ?? column)

/** Whether a list has entries: `/$count eq 0` and `/$count ne 0`, in advanced queries alone. */
function emptiness(
  type: FilteredType,
  property: Property,
  { operator, values }: Comparison,
  advanced: boolean,
): Condition {
  const [value] = values
  if (value?.kind !== 'number' || value.value !== 0 || (operator !== 'eq' && operator !== 'ne'))
    throw unsupportedClause(type, `${property.column}/$count`)
  if (!advanced) throw needsAdvanced(operator)
  const column = sql.ref(property.filterColumn ?? property.column)
  const empty = sql<SqlBool>`coalesce(${column}, ${LIST_MARK}) = ${LIST_MARK}`
  return operator === 'eq' ? empty : sql<SqlBool>`not (${empty})`
}

function nullCondition(
  type: FilteredType,
  property: Property,
  { property: name, operator }: Comparison,
): Condition {
  if (property.required || (operator !== 'eq' && operator !== 'ne')) throw unsupportedClause(type, name)
  const column = sql.ref(property.column)
  return operator === 'eq' ? sql<SqlBool>`${column} is null` : sql<SqlBool>`${column} is not null`
}

function anyCondition(type: FilteredType, column: RawBuilder<unknown>, compared: Comparison): Condition {
  const [value] = compared.values
  if (value?.kind !== 'text') throw incompatible()
  const text = escapeLike(fold(value.value))
  if (compared.operator === 'eq') return like(column, `%${LIST_MARK}${text}${LIST_MARK}%`)
  if (compared.operator === 'startsWith') return like(column, `%${LIST_MARK}${text}%`)
  throw unsupportedClause(type, compared.property)
}

function valueCondition(
  column: RawBuilder<unknown>,
  operator: Comparison['operator'],
  values: readonly (string | number)[],
): Condition {
  const [value = ''] = values
  switch (operator) {
    case 'eq':
      return sql<SqlBool>`${column} = ${value}`
    case 'ne':
      return sql<SqlBool>`(${column} is null or ${column} <> ${value})`
    case 'ge':
      return sql<SqlBool>`${column} >= ${value}`
    case 'le':
      return sql<SqlBool>`${column} <= ${value}`
    case 'in':
      return sql<SqlBool>`${column} in (${sql.join(values)})`
    case 'startsWith':
      return startsWith(column, String(value))
    case 'endsWith':
      return like(column, `%${escapeLike(String(value))}`)
  }
}

// The last code point there is: nothing that begins with a text is ordered after the text followed by it.
const LAST = '\u{10ffff}'

/** As a range, which an index serves. */
const startsWith = (column: RawBuilder<unknown>, text: string): Condition =>
  sql<SqlBool>`(${column} >= ${text} and ${column} < ${text + LAST})`

const like = (column: RawBuilder<unknown>, pattern: string): Condition =>
  sql<SqlBool>`${column} like ${pattern} escape '\\'`

const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&')

const incompatible = () =>
  badRequest('Invalid filter clause: A binary operator with incompatible types was detected.')

function valueOf(literal: Literal, { type }: Property): string | number {
  if (type === 'text' && literal.kind === 'text') return fold(literal.value)
  if (type === 'flag' && literal.kind === 'flag') return literal.value ? 1 : 0
  if (type === 'instant' && literal.kind === 'instant') return literal.value
  throw incompatible()
}

const CLAUSE = /\s*(?:"((?:[^"\\]|\\.)*)"|(AND|OR)\b)/y
const SEARCH_LENGTH_MAX = 1_000
const SEARCH_CLAUSES_MAX = 15

/**
 * A `$search` as a condition: clauses `"property:text"` joined by AND and OR, where AND binds closer. Names and descriptions are
 * searched for the starts of words, other texts for their own start.
 *
 * @throws GraphError 400 for bad syntax and for properties that cannot be searched.
 */
export function searchCondition(type: FilteredType, search: string): Condition {
  if (search.length > SEARCH_LENGTH_MAX) throw badRequest('Invalid $search: it is too long.')
  const either: Condition[][] = [[]]
  CLAUSE.lastIndex = 0
  let wanted: 'clause' | 'joint' = 'clause'
  while (search.slice(CLAUSE.lastIndex).trim() !== '') {
    const [, clause, joint] = CLAUSE.exec(search) ?? []
    if ((clause === undefined) !== (wanted === 'joint') || (clause === undefined && joint === undefined))
      throw badRequest(
        'Syntax error in $search: clauses such as "property:text" joined by AND or OR are expected.',
      )
    if (clause !== undefined) either.at(-1)?.push(clauseCondition(type, clause.replace(/\\(.)/g, '$1')))
    else if (joint === 'OR') either.push([])
    wanted = clause === undefined ? 'clause' : 'joint'
  }
  if (wanted === 'clause')
    throw badRequest(
      'Syntax error in $search: clauses such as "property:text" joined by AND or OR are expected.',
    )
  if (either.flat().length > SEARCH_CLAUSES_MAX)
    throw badRequest(`Too many clauses in $search: at most ${SEARCH_CLAUSES_MAX}.`)
  const parts = either.map((all) => sql`(${sql.join(all, sql` and `)})`)
  return sql<SqlBool>`(${sql.join(parts, sql` or `)})`
}

function clauseCondition(type: FilteredType, clause: string): Condition {
  const colon = clause.indexOf(':')
  const name = clause.slice(0, colon)
  const property = propertyOf(type, name)
  if (colon < 1 || !property?.search)
    throw badRequest(
      `Property '${name.slice(0, 100)}' of resource '${type.name}' is not supported in $search: clauses are such as "displayName:text".`,
    )
  const column = sql.ref(property.filterColumn ?? property.column)
  const text = fold(clause.slice(colon + 1)).trim()
  if (property.search === 'start') return startsWith(column, text)
  const words = text.split(/[\s\-_.,]+/).filter((word) => word !== '')
  if (words.length === 0) throw badRequest('Syntax error in $search: a text is expected after the colon.')
  const spaced = sql`(' ' || replace(replace(replace(replace(${column}, '-', ' '), '_', ' '), '.', ' '), ',', ' '))`
  return sql<SqlBool>`(${sql.join(
    words.map((word) => like(spaced, `% ${escapeLike(word)}%`)),
    sql` and `,
  )})`
}
