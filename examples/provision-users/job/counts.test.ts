import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { counted, NO_COUNTS, type ProvisionResult, summary } from './counts.ts'

describe('counted', () => {
  it('adds a row to exactly one of created, updated, unchanged and rejected', () => {
    const outcomes = ['created', 'updated', 'disabled', 'unchanged', 'rejected', 'disabled'] as const
    const counts = outcomes.reduce(counted, NO_COUNTS)
    assert.deepEqual(counts, { rows: 6, created: 1, updated: 3, disabled: 2, unchanged: 1, rejected: 1 })
    assert.equal(counts.created + counts.updated + counts.unchanged + counts.rejected, counts.rows)
    assert.deepEqual(NO_COUNTS, { rows: 0, created: 0, updated: 0, disabled: 0, unchanged: 0, rejected: 0 })
  })
})

describe('summary', () => {
  const cost = { tokenRequests: 1, apiRequests: 12, retries: 3, seconds: 4.5 }
  const result: ProvisionResult = {
    rows: 10,
    created: 1,
    updated: 2,
    disabled: 1,
    unchanged: 7,
    rejected: [],
    warnings: [],
    notInFile: 3,
  }
  const remarks = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ line: index + 2, reason: `reason ${index}` }))

  it('says what was done and what it has cost', () => {
    assert.equal(
      summary({ ...result, ...cost }),
      '10 rows: 1 created, 2 updated (1 of them disabled), 7 unchanged, 0 rejected\n' +
        '3 people in the directory are not in the file and were not touched\n' +
        '1 token request, 12 calls, 3 retries, 4.5 s',
    )
    assert.match(summary({ ...result, ...cost, tokenRequests: 2 }), /\n2 token requests, 12 calls/)
  })

  it('lists what was rejected and warned of by its line, up to 20 of each', () => {
    const text = summary({ ...result, ...cost, rejected: remarks(20), warnings: remarks(22) })
    const lines = text.split('\n')
    assert.deepEqual(lines.slice(2, 5), ['Rejected:', '  line 2: reason 0', '  line 3: reason 1'])
    assert.deepEqual(lines.slice(22, 25), ['  line 21: reason 19', 'Warnings:', '  line 2: reason 0'])
    assert.deepEqual(lines.slice(-3), [
      '  line 21: reason 19',
      '  … and 2 more',
      '1 token request, 12 calls, 3 retries, 4.5 s',
    ])
    assert.equal(lines.length, 2 + 21 + 22 + 1)
  })
})
