// Why: a drill that takes minutes is run now and then; this slice of it keeps it running, and the promise it makes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './outage.drill.ts'

describe('a daemon that calls an API all the time', () => {
  it('does not notice that the authority is killed before its renewals and comes back after them', async () => {
    const { rows } = await drill({ seed: 1, speed: 300, backAfterSeconds: 2000, troubles: ['killed'] })
    const [{ what, failed, met, calls, goal, tokenRequests, renewedAfterSeconds } = assert.fail('no row')] =
      rows
    const facts = `${goal}: ${tokenRequests} requests, renewed after ${renewedAfterSeconds} s`
    assert.deepEqual([rows.length, what, failed], [1, 'killed with SIGKILL, port closed', 0])
    assert.ok(calls > 100, `${calls} calls`)
    assert.ok(met, facts)
  })
})
