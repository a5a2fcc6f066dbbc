// Filters as trees: how they are read, and that nothing from outside makes the reader throw anything but a refusal.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GraphError } from './errors.ts'
import { type Expression, parseExpression } from './expression.ts'

/** Numbers from a seed (mulberry32), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A tree as a filter in full brackets. */
function written(expression: Expression): string {
  if (expression.kind === 'not') return `not (${written(expression.of)})`
  if (expression.kind !== 'compare') return `(${expression.parts.map(written).join(` ${expression.kind} `)})`
  const { property, operator, values, on } = expression
  const literals = values.map((value) => {
    if (value.kind === 'null') return 'null'
    if (value.kind === 'instant') return new Date(value.value).toISOString()
    return value.kind === 'text' ? `'${value.value.replaceAll("'", "''")}'` : String(value.value)
  })
  const [name, prefix, suffix] =
    on === 'any'
      ? ['x', `${property}/any(x:`, ')']
      : [on === 'count' ? `${property}/$count` : property, '', '']
  if (operator === 'startsWith' || operator === 'endsWith')
    return `${prefix}${operator}(${name}, ${literals[0]})${suffix}`
  return `${prefix}${name} ${operator} ${operator === 'in' ? `(${literals.join(',')})` : literals[0]}${suffix}`
}

describe('parseExpression', () => {
  const text = (property: string) =>
    ({
      kind: 'compare',
      property,
      operator: 'eq',
      values: [{ kind: 'text', value: 'x' }],
      on: 'value',
    }) as const
  for (const [filter, tree] of [
    ["a eq 'x'", text('a')],
    [
      "a eq 'x' or b eq 'x' and c eq 'x'",
      { kind: 'or', parts: [text('a'), { kind: 'and', parts: [text('b'), text('c')] }] },
    ],
    [
      "(a eq 'x' OR b eq 'x') AND c eq 'x'",
      { kind: 'and', parts: [{ kind: 'or', parts: [text('a'), text('b')] }, text('c')] },
    ],
    ["not a eq 'x' and b eq 'x'", { kind: 'and', parts: [{ kind: 'not', of: text('a') }, text('b')] }],
    ["NOT(NOT(a eq 'x'))", { kind: 'not', of: { kind: 'not', of: text('a') } }],
  ] as const)
    it(`reads ${filter} by the rules of precedence`, () => {
      assert.deepEqual(parseExpression(filter), tree)
    })

  it('reads what is written, whatever the texts and the shape', () => {
    const random = seeded(7)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    const texts = ['x', "'", "''", ') or (', 'å', '%_\\', ' and ', '', '2024-01-01', 'null']
    const leaf = (): Expression => {
      const operator = pick(['eq', 'ne', 'ge', 'le', 'in', 'startsWith', 'endsWith'] as const)
      const match = operator === 'startsWith' || operator === 'endsWith'
      const one = () =>
        match || random() < 0.5
          ? ({ kind: 'text', value: pick(texts) } as const)
          : pick([
              { kind: 'null' },
              { kind: 'flag', value: true },
              { kind: 'number', value: 7 },
              { kind: 'instant', value: 86_400_000 },
            ] as const)
      const on = pick(match ? (['value', 'any'] as const) : (['value', 'any', 'count'] as const))
      return {
        kind: 'compare',
        property: pick(['a', 'notable', 'inner', 'orb']),
        operator,
        values: operator === 'in' ? [one(), one()] : [one()],
        on,
      }
    }
    let left = 0
    const tree = (depth: number): Expression => {
      if (depth === 0 || random() < 0.3 || left <= 2) {
        left -= 2
        return leaf()
      }
      if (random() < 0.3) return { kind: 'not', of: tree(depth - 1) }
      const kind = pick(['and', 'or'] as const)
      return { kind, parts: [tree(depth - 1), tree(depth - 1)] }
    }
    const flat = (expression: Expression): Expression => {
      if (expression.kind === 'compare') return expression
      if (expression.kind === 'not') return { kind: 'not', of: flat(expression.of) }
      return { kind: expression.kind, parts: expression.parts.map(flat) }
    }
    for (let n = 0; n < 3_000; n++) {
      left = 12
      const expression = flat(tree(3))
      const filter = written(expression)
      try {
        assert.deepEqual(parseExpression(filter), expression, filter)
      } catch (error) {
        if (!(error instanceof GraphError && error.message.startsWith('Too many child clauses'))) throw error
      }
    }
  })

  it('throws nothing but refusals, whatever comes in', () => {
    const random = seeded(11)
    const pieces = [
      "'",
      "''",
      '(',
      ')',
      ',',
      ':',
      ' ',
      'eq',
      'not',
      'and',
      'or',
      'any(',
      '/any',
      '/$count',
      'x',
      '7',
      '2024-01-01',
      'null',
      'in',
      '\u0000',
      '😀',
      '\\',
      '/',
    ]
    for (let n = 0; n < 30_000; n++) {
      const filter = Array.from(
        { length: Math.floor(random() * 12) },
        () => pieces[Math.floor(random() * pieces.length)],
      ).join(random() < 0.5 ? ' ' : '')
      try {
        parseExpression(filter)
      } catch (error) {
        assert.ok(error instanceof GraphError, filter)
        assert.equal(error.status, 400, filter)
      }
    }
  })

  it('takes fifteen comparisons and refuses sixteen, in any shape', () => {
    const clauses = (count: number) => Array.from({ length: count }, (_, n) => `a eq '${n}'`)
    assert.equal(JSON.stringify(parseExpression(clauses(15).join(' or '))).split('compare').length, 16)
    for (const filter of [clauses(16).join(' or '), `a in ('1','2') and (${clauses(14).join(' or ')})`])
      assert.throws(() => parseExpression(filter), {
        name: 'GraphError',
        message: 'Too many child clauses specified in search filter expression: 16. Max allowed: 15.',
      })
  })
})
