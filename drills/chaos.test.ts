// Why: a drill that takes minutes is run now and then; this slice of it keeps it running, and the promise it makes.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './chaos.drill.ts'

describe('a client behind a network that breaks everything', () => {
  it('ends with each person exactly once and as the file says', async () => {
    const { rows } = await drill({ seed: 7, people: 1200, factor: 3 })
    const [{ what, failed, met, calls } = assert.fail('no row')] = rows
    assert.deepEqual([failed, met], [0, true], what)
    // Without trouble there would be as many requests as envelopes.
    assert.ok(calls > 70, what)
  })
})
