import { badRequest, unsupportedQuery } from './errors.ts'

/** A value in a `$filter`. An instant is in milliseconds since 1970. */
export type Literal =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'flag'; readonly value: boolean }
  | { readonly kind: 'number' | 'instant'; readonly value: number }
  | { readonly kind: 'null' }

/** One comparison of a `$filter`. In `any()` it compares each entry of the property, which is a list. */
export interface Comparison {
  readonly kind: 'compare'
  readonly property: string
  readonly operator: 'eq' | 'ne' | 'ge' | 'le' | 'in' | 'startsWith' | 'endsWith'
  readonly values: readonly Literal[]
  /** Whether it stands inside `any()`, or compares how many entries a list has. */
  readonly on: 'value' | 'any' | 'count'
}

/** A `$filter` as a tree. */
export type Expression =
  | Comparison
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }

// Graph refuses more with "too many child clauses".
const CLAUSES_MAX = 15
const LENGTH_MAX = 8_192
const DEPTH_MAX = 20

const TOKEN =
  /\s*(?:(?<text>'(?:[^']|'')*')|(?<instant>\d{4}-\d\d-\d\d(?:T[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d))?)|(?<number>\d{1,9}(?!\w))|(?<word>[A-Za-z][\w/$]*)|(?<mark>[(),:]))/y
const KINDS = ['text', 'instant', 'number', 'word', 'mark'] as const

interface Word {
  readonly kind: (typeof KINDS)[number] | 'end'
  readonly value: string
}

/**
 * Reads a `$filter`: `eq`, `ne`, `ge`, `le`, `in`, `startsWith`, `endsWith`, `any()` and `/$count`, joined by `and`, `or`,
 * `not` and brackets; at most 15 comparisons and values of `in`, and 8,192 characters.
 *
 * @throws GraphError 400 for bad syntax (Request_BadRequest) and for operators that are not supported
 * (Request_UnsupportedQuery).
 */
export function parseExpression(filter: string): Expression {
  if (filter.length > LENGTH_MAX) throw badRequest('Invalid filter clause: the filter is too long.')
  return new Reader(tokenize(filter)).whole()
}

class Reader {
  readonly #words: readonly Word[]
  #position = 0
  #clauses = 0

  constructor(words: readonly Word[]) {
    this.#words = words
  }

  whole(): Expression {
    const expression = this.#either(0)
    const rest = this.#next()
    if (rest.kind === 'end') return expression
    throw unsupportedQuery(`Unsupported operator '${rest.value.slice(0, 100)}' in $filter.`)
  }

  #either(depth: number): Expression {
    return this.#joined('or', () => this.#joined('and', () => this.#negated(depth)))
  }

  #joined(kind: 'and' | 'or', part: () => Expression): Expression {
    const parts = [part()]
    while (this.#takeWord(kind)) parts.push(part())
    return parts.length === 1 ? (parts[0] as Expression) : { kind, parts }
  }

  #negated(depth: number): Expression {
    if (depth > DEPTH_MAX) throw badRequest('Invalid filter clause: it is nested too deeply.')
    if (this.#takeWord('not')) return { kind: 'not', of: this.#negated(depth + 1) }
    if (this.#peek().value !== '(' || this.#peek().kind !== 'mark') return this.#comparison()
    this.#position += 1
    const inner = this.#either(depth + 1)
    this.#mark(')')
    return inner
  }

  #comparison(): Expression {
    const name = this.#name()
    const match = MATCHES.get(name.toLowerCase())
    if (match && this.#peek().value === '(') return this.#match(match)
    if (name.endsWith('/any')) return this.#any(name.slice(0, -'/any'.length))
    if (name.endsWith('/$count')) return this.#operation(name.slice(0, -'/$count'.length), 'count')
    return this.#operation(name, 'value')
  }

  #match(operator: 'startsWith' | 'endsWith'): Comparison {
    this.#mark('(')
    const property = this.#name()
    this.#mark(',')
    const value = this.#literal()
    this.#mark(')')
    if (value.kind !== 'text') throw badRequest(`Invalid filter clause: ${operator} needs a quoted text.`)
    return this.#counted({ kind: 'compare', property, operator, values: [value], on: 'value' })
  }

  /** `property/any(x:x eq 'text')` or `property/any(x:startsWith(x,'text'))`: the variable is all that may be compared. */
  #any(property: string): Comparison {
    this.#mark('(')
    const variable = this.#name()
    this.#mark(':')
    const inner = this.#comparison()
    this.#mark(')')
    if (inner.kind !== 'compare' || inner.on !== 'value' || inner.property !== variable)
      throw unsupportedQuery(
        `Unsupported expression in any() of property '${property.slice(0, 100)}' in $filter.`,
      )
    return { ...inner, property, on: 'any' }
  }

  #operation(property: string, on: 'value' | 'count'): Comparison {
    const operator = this.#next()
    const known = OPERATORS.find((one) => operator.kind === 'word' && one === operator.value)
    if (!known)
      throw unsupportedQuery(
        `Unsupported operator '${operator.value.slice(0, 100)}' in $filter: ${OPERATORS.join(', ')}, startsWith, endsWith and any are supported.`,
      )
    const values = known === 'in' ? this.#literals() : [this.#literal()]
    return this.#counted({ kind: 'compare', property, operator: known, values, on })
  }

  #literals(): readonly Literal[] {
    if (this.#next().value !== '(') throw badRequest("Invalid filter clause: '(' is expected after 'in'.")
    const values: Literal[] = []
    for (;;) {
      values.push(this.#literal())
      const mark = this.#next()
      if (mark.kind === 'mark' && mark.value === ')') return values
      if (mark.kind !== 'mark' || mark.value !== ',')
        throw badRequest("Invalid filter clause: ',' or ')' is expected.")
    }
  }

  #counted(comparison: Comparison): Comparison {
    this.#clauses += comparison.values.length
    if (this.#clauses <= CLAUSES_MAX) return comparison
    throw badRequest(
      `Too many child clauses specified in search filter expression: ${this.#clauses}. Max allowed: ${CLAUSES_MAX}.`,
    )
  }

  #literal(): Literal {
    const { kind, value } = this.#next()
    if (kind === 'text') return { kind, value: value.slice(1, -1).replaceAll("''", "'") }
    if (kind === 'number') return { kind, value: Number(value) }
    if (kind === 'instant' && !Number.isNaN(Date.parse(value))) return { kind, value: Date.parse(value) }
    if (kind === 'word' && (value === 'true' || value === 'false'))
      return { kind: 'flag', value: value === 'true' }
    if (kind === 'word' && value === 'null') return { kind: 'null' }
    throw badRequest('Invalid filter clause: a quoted text, a date, true, false or null is expected.')
  }

  #name(): string {
    const word = this.#next()
    if (word.kind === 'word') return word.value
    throw badRequest('Invalid filter clause: a property name is expected.')
  }

  #mark(mark: string): void {
    const found = this.#next()
    if (found.kind === 'mark' && found.value === mark) return
    throw badRequest(`Invalid filter clause: '${mark}' is expected.`)
  }

  #takeWord(word: string): boolean {
    const { kind, value } = this.#peek()
    if (kind !== 'word' || value.toLowerCase() !== word) return false
    this.#position += 1
    return true
  }

  #peek = (): Word => this.#words[this.#position] ?? END
  #next(): Word {
    const word = this.#peek()
    this.#position += 1
    return word
  }
}

const END: Word = { kind: 'end', value: '' }
const OPERATORS = ['eq', 'ne', 'ge', 'le', 'in'] as const
const MATCHES: ReadonlyMap<string, 'startsWith' | 'endsWith'> = new Map([
  ['startswith', 'startsWith'],
  ['endswith', 'endsWith'],
])

function tokenize(filter: string): readonly Word[] {
  const words: Word[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < filter.length) {
    if (filter.slice(TOKEN.lastIndex).trim() === '') break
    const at = TOKEN.lastIndex
    const groups = TOKEN.exec(filter)?.groups
    if (!groups)
      throw badRequest(`Invalid filter clause: syntax error at position ${at} in '${filter.slice(0, 100)}'.`)
    const kind = KINDS.find((one) => groups[one] !== undefined) ?? 'mark'
    words.push({ kind, value: groups[kind] ?? '' })
  }
  return words
}
