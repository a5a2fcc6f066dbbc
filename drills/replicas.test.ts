// A short slice of the drill; PostgreSQL is the one of DATABASE_URL.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drill } from './replicas.drill.ts'

const skip = !process.env['DATABASE_URL'] && 'no PostgreSQL: run by `npm test`, or set DATABASE_URL'

describe('a platform that is killed, and its replicas', { skip }, () => {
  it('lose no change that was acknowledged, fail no request, and see each other', async () => {
    const { rows } = await drill({ seed: 1, kills: 1, writes: 40, changes: 4, isBusy: true })
    assert.deepEqual(
      rows.map(({ what, failed, met }) => ({ what: what.replace(/;.*/, ''), failed, met })),
      [
        'SQLite: killed 1 times under writes',
        'SQLite: killed 1 times under token requests',
        'PostgreSQL: killed 1 times under writes',
        'PostgreSQL: killed 1 times under token requests',
        'two replicas, one killed under load: requests to the other',
        '8 changes at one replica, seen by the other',
        '8 changes at one replica, seen by the other, whose LISTEN is cut before each',
      ].map((what) => ({ what, failed: 0, met: true })),
      JSON.stringify(rows),
    )
  })
})
