// Why: as of outage.test.ts; a slice of some seconds.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './fuzz.drill.ts'

describe('the platform under wild requests', () => {
  it('refuses each and serves honest ones between them', async () => {
    const { rows } = await drill({ seed: 7, requests: 2000 })
    const [row = assert.fail('no row')] = rows
    assert.deepEqual([rows.length, row.calls, row.failed], [1, 2000, 0])
    assert.ok(row.tokenRequests > 1500, `${row.tokenRequests} token requests`)
    assert.match(row.what, /honest requests failed: 0$/)
  })
})
