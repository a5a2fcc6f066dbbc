import { badRequest, unsupportedQuery } from '../graph/errors.ts'

const OPERATORS = { eq: '=', ne: '!=', ge: '>=', le: '<=', gt: '>', lt: '<' } as const

/** One comparison of a log's `$filter`, ready for the database. */
export interface LogComparison<Column extends string> {
  readonly column: Column
  readonly operator: (typeof OPERATORS)[keyof typeof OPERATORS]
  readonly value: string | number
}

/** What a property of a log can be compared with, and the column that holds it. */
export interface Filterable<Column extends string> {
  readonly column: Column
  readonly type: 'text' | 'number' | 'time'
}

const FILTER_LENGTH_MAX = 4096
const COMPARISONS_MAX = 10
const COMPARISON =
  /^\s*(?:(?<collection>\w+)\/any\(\s*(?<item>\w+)\s*:\s*(?<named>\w+)\s+eq\s+'(?<member>(?:[^']|'')*)'\s*\)|(?<path>[\w/]+)\s+(?<operator>\w+)\s+(?:'(?<text>(?:[^']|'')*)'|(?<word>[\w:.+-]+)))\s*(?:$|and\s+)/

/**
 * Reads the `$filter` of a log: comparisons joined by `and`, such as `createdDateTime ge 2026-09-21T14:00:00Z`,
 * `status/errorCode ne 0` and `signInEventTypes/any(t: t eq 'servicePrincipal')`.
 *
 * @throws GraphError 400 for what cannot be read (Request_BadRequest) or is not supported (Request_UnsupportedQuery).
 */
export function readLogFilter<Column extends string>(
  filter: string | undefined,
  properties: ReadonlyMap<string, Filterable<Column>>,
): readonly LogComparison<Column>[] {
  const comparisons: LogComparison<Column>[] = []
  let rest = filter ?? ''
  if (rest.length > FILTER_LENGTH_MAX) throw badRequest('Invalid filter clause: the filter is too long.')
  while (rest !== '') {
    const groups = COMPARISON.exec(rest)
    if (!groups?.groups || (groups.groups['collection'] && groups.groups['item'] !== groups.groups['named']))
      throw badRequest(`Invalid filter clause: syntax error in '${rest.slice(0, 100)}'.`)
    comparisons.push(comparisonOf(groups.groups, properties))
    rest = rest.slice(groups[0].length)
  }
  if (filter !== undefined && comparisons.length === 0)
    throw badRequest('Invalid filter clause: it is empty.')
  if (comparisons.length > COMPARISONS_MAX)
    throw badRequest(`Too many comparisons in $filter: at most ${COMPARISONS_MAX} are supported.`)
  return comparisons
}

function comparisonOf<Column extends string>(
  groups: Readonly<Record<string, string | undefined>>,
  properties: ReadonlyMap<string, Filterable<Column>>,
): LogComparison<Column> {
  const name = groups['collection'] ?? groups['path'] ?? ''
  const property = properties.get(groups['collection'] === undefined ? name : `${name}/any`)
  if (!property) throw unsupportedQuery(`Unsupported filter on property '${name.slice(0, 100)}'.`)
  const operator = groups['operator'] ?? 'eq'
  const known = Object.hasOwn(OPERATORS, operator) && (property.type !== 'text' || operator === 'eq')
  if (!known)
    throw unsupportedQuery(
      `Unsupported operator '${operator.slice(0, 20)}' on property '${name}' in $filter.`,
    )
  return {
    column: property.column,
    operator: OPERATORS[operator as keyof typeof OPERATORS],
    value: VALUES[property.type](groups['member'] ?? groups['text'], groups['word'], name),
  }
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

/** One reader for each type: texts stand in quotes, numbers and times do not (OData 4.01, §5.1.1.14). */
const VALUES: Readonly<
  Record<
    Filterable<string>['type'],
    (text: string | undefined, word: string | undefined, name: string) => string | number
  >
> = {
  text: (text, _word, name) => {
    if (text === undefined) throw badRequest(`Invalid filter clause: '${name}' needs a text in quotes.`)
    return text.replaceAll("''", "'")
  },
  number: (_text, word, name) => {
    if (word === undefined || !/^\d{1,9}$/.test(word))
      throw badRequest(`Invalid filter clause: '${name}' needs a number.`)
    return Number(word)
  },
  time: (_text, word, name) => {
    const atMs = word !== undefined && INSTANT.test(word) ? Date.parse(word) : Number.NaN
    if (Number.isNaN(atMs))
      throw badRequest(`Invalid filter clause: '${name}' needs an instant, as 2026-09-21T14:00:00Z.`)
    return atMs
  },
}
