// Filters of any shape: what comes in is text from outside, so this throws dozens of thousands of them at the reader.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { GraphError } from './errors.ts'
import { parseFilter } from './filter.ts'

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

const PIECES = [
  "'",
  "''",
  '(',
  ')',
  ',',
  ' ',
  'eq',
  'in',
  'and',
  'or',
  'id',
  'true',
  'false',
  'null',
  '\\',
  '\0',
  '\ud800',
  '\u{1f600}',
  'é',
  '%27',
  '$',
  '/',
  '_',
  '"',
  '\n',
  'a',
  '7',
  "eq 'x'",
  "id in ('a','b')",
  '  ',
]

const next = seeded(20_260_921)
const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
const piecesOf = (count: number) => Array.from({ length: count }, () => pick(PIECES)).join('')

describe('parseFilter', () => {
  it('throws nothing but a GraphError with status 400, whatever it reads', () => {
    let read = 0
    for (let round = 0; round < 30_000; round++) {
      const filter = piecesOf(1 + Math.floor(next() * 12))
      try {
        const comparisons = parseFilter(filter)
        assert.ok(comparisons.length > 0 && comparisons.every(({ anyOf }) => anyOf.length > 0))
        read++
      } catch (error) {
        assert.ok(error instanceof GraphError, `${JSON.stringify(filter)}: ${String(error)}`)
        assert.equal(error.status, 400)
        assert.match(error.code, /^Request_(BadRequest|UnsupportedQuery)$/)
      }
    }
    assert.ok(read > 0, 'some of them are proper filters')
  })

  it('gives back every text that was quoted', () => {
    for (let round = 0; round < 5_000; round++) {
      const texts = Array.from({ length: 1 + Math.floor(next() * 5) }, () => piecesOf(Math.floor(next() * 6)))
      const quoted = texts.map((text) => `'${text.replaceAll("'", "''")}'`)
      const filter = `employeeId in (${quoted.join(pick([',', ', ', ' ,']))}) and id eq ${quoted[0]}`
      assert.deepEqual(parseFilter(filter), [
        { property: 'employeeId', anyOf: texts },
        { property: 'id', anyOf: [texts[0]] },
      ])
    }
  })

  it('reads true and false as themselves', () => {
    assert.deepEqual(parseFilter("a eq true and b in (false, 'false')"), [
      { property: 'a', anyOf: [true] },
      { property: 'b', anyOf: [false, 'false'] },
    ])
  })

  it('refuses a filter of more than 8192 characters without reading it', () => {
    const filter = (length: number) => `a eq '${'x'.repeat(length - 7)}'`
    assert.equal(parseFilter(filter(8192)).length, 1)
    assert.throws(() => parseFilter(filter(8193)), {
      name: 'GraphError',
      status: 400,
      code: 'Request_BadRequest',
      message: 'Invalid filter clause: the filter is too long.',
    })
  })
})
