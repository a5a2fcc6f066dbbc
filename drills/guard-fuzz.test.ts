// Why: as of outage.test.ts. What the headers are made of is shown to be wild enough beside the guard's own tests.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './guard-fuzz.drill.ts'

describe('the guard under wild headers', () => {
  it('lets none in, throws nothing else, and spends little on any', async () => {
    const { rows } = await drill({ seed: 1, headers: 40_000 })
    const [{ what, calls, failed, met } = assert.fail('no row')] = rows
    assert.deepEqual([rows.length, what, calls, failed, met], [1, '40,000 wild headers', 40_000, 0, true])
  })
})
