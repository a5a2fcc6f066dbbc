// Why: as of outage.test.ts. The clock runs fast enough for half of a token's hour to pass in some seconds.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './rotation.drill.ts'

describe('a daemon with two credentials in a list', () => {
  it('fails no call when the first is revoked', async () => {
    const { rows } = await drill({ seed: 1, speed: 400, ways: ['removePassword'] })
    const [{ what, failed, met, calls, goal, tokenRequests, renewedAfterSeconds } = assert.fail('no row')] =
      rows
    const facts = `${goal}: ${tokenRequests} requests, renewed after ${renewedAfterSeconds} s`
    assert.deepEqual([rows.length, what, failed], [1, 'secret removed', 0])
    assert.ok(calls > 100, `${calls} calls`)
    assert.ok(met, facts)
  })
})
