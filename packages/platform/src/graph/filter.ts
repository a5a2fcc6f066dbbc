import { badRequest, unsupportedQuery } from './errors.ts'

/** One comparison of a `$filter`: the property must equal one of the values. */
export interface Comparison {
  readonly property: string
  readonly anyOf: readonly (string | boolean)[]
}

// Graph refuses longer lists with "too many child clauses".
const VALUES_MAX = 15
const FILTER_LENGTH_MAX = 8_192

const TOKEN = /\s*(?:(?<text>'(?:[^']|'')*')|(?<word>[A-Za-z][\w/]*)|(?<mark>[(),]))/y

interface Word {
  readonly kind: 'text' | 'word' | 'mark' | 'end'
  readonly value: string
}

/**
 * Reads a `$filter` of comparisons joined by `and`: `property eq literal` and `property in (literal, …)`.
 *
 * @throws GraphError 400 for bad syntax (BadRequest) and for operators that are not supported (Request_UnsupportedQuery).
 */
export function parseFilter(filter: string): readonly Comparison[] {
  if (filter.length > FILTER_LENGTH_MAX) throw badRequest('Invalid filter clause: the filter is too long.')
  const words = tokenize(filter)
  let position = 0
  const next = (): Word => words[position++] ?? { kind: 'end', value: '' }
  const comparisons: Comparison[] = []
  for (;;) {
    comparisons.push(parseComparison(next))
    const joint = next()
    if (joint.kind === 'end') return comparisons
    if (joint.kind !== 'word' || joint.value !== 'and')
      throw unsupportedQuery(`Unsupported operator '${joint.value}' in $filter.`)
  }
}

function parseComparison(next: () => Word): Comparison {
  const property = next()
  if (property.kind !== 'word') throw badRequest('Invalid filter clause: a property name is expected.')
  const operator = next()
  if (operator.kind === 'word' && operator.value === 'eq')
    return { property: property.value, anyOf: [literal(next())] }
  if (operator.kind === 'word' && operator.value === 'in')
    return { property: property.value, anyOf: literals(next) }
  throw unsupportedQuery(
    `Unsupported operator '${operator.value}' in $filter: 'eq', 'in' and 'and' are supported.`,
  )
}

function literals(next: () => Word): readonly (string | boolean)[] {
  if (next().value !== '(') throw badRequest("Invalid filter clause: '(' is expected after 'in'.")
  const values: (string | boolean)[] = []
  for (;;) {
    values.push(literal(next()))
    const mark = next()
    if (mark.kind === 'mark' && mark.value === ')') break
    if (mark.kind !== 'mark' || mark.value !== ',')
      throw badRequest("Invalid filter clause: ',' or ')' is expected.")
  }
  if (values.length > VALUES_MAX) {
    throw badRequest(
      `Too many child clauses specified in search filter expression: ${values.length}. Max allowed: ${VALUES_MAX}.`,
    )
  }
  return values
}

function literal(word: Word): string | boolean {
  if (word.kind === 'text') return word.value.slice(1, -1).replaceAll("''", "'")
  if (word.kind === 'word' && word.value === 'true') return true
  if (word.kind === 'word' && word.value === 'false') return false
  throw badRequest('Invalid filter clause: a quoted text, true or false is expected.')
}

function tokenize(filter: string): readonly Word[] {
  const words: Word[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < filter.length) {
    if (filter.slice(TOKEN.lastIndex).trim() === '') break
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(filter)?.groups
    if (!groups)
      throw badRequest(`Invalid filter clause: syntax error at position ${at} in '${filter.slice(0, 100)}'.`)
    const kind = groups['text'] !== undefined ? 'text' : groups['word'] !== undefined ? 'word' : 'mark'
    words.push({ kind, value: groups[kind] ?? '' })
  }
  return words
}
