// Why: the drill takes ten minutes; this slice of it keeps it running, and the promise it makes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './service.drill.ts'

describe('the provisioning daemon as a service', () => {
  it('does the work of its schedule exactly once through outages, throttling, a new secret and kills', async () => {
    const { rows } = await drill({ seed: 1, speed: 60, seconds: 8, people: 25 })
    const [row = assert.fail('no row')] = rows
    assert.equal(rows.length, 1)
    assert.ok(row.met, `${row.goal}: ${row.what}`)
    assert.equal(row.failed, 0)
  })
})
