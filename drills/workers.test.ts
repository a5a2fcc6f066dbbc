// A short slice of the drill, on a PostgreSQL of its own, as it is stopped in the middle.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './workers.drill.ts'

describe('workers that are killed, and their PostgreSQL', () => {
  it('have each effect once in the end, and each firing one run across the changes of the clock', async () => {
    const { rows } = await drill({ seed: 3, runs: 16, steps: 5, kills: 1, outages: ['SIGQUIT'], days: 0.125 })
    assert.deepEqual(
      rows.map(({ failed, met }) => ({ failed, met })),
      rows.map(() => ({ failed: 0, met: true })),
      JSON.stringify(rows),
    )
    assert.equal(rows.length, 3)
  })
})
