import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { jobOf, queueOf } from './queue.ts'
import { lowestRank, rankOf, takeTurns, TURNS_MAX } from './turns.ts'

const NONE = { front: undefined, end: 0, tenants: new Map<string, number>() }

describe('the turns of tenants', () => {
  it('give each of many runs of a tenant the next turn, and each tenant the same', () => {
    const { turns, end, tenants } = takeTurns(NONE, ['a', 'a', 'b', 'a', 'b'])
    assert.deepEqual(turns, [0, 1, 0, 2, 1])
    assert.equal(end, 3)
    assert.deepEqual(
      tenants,
      new Map([
        ['a', 3],
        ['b', 2],
      ]),
    )
  })

  it('let a newcomer begin at the turn that is served now', () => {
    const { turns } = takeTurns({ front: 20, end: 500, tenants: new Map([['large', 500]]) }, ['new', 'large'])
    assert.deepEqual(turns, [20, 500])
  })

  it('let nobody begin before the last turn that was given, once all have been served', () => {
    const { turns } = takeTurns({ front: undefined, end: 500, tenants: new Map([['idle', 3]]) }, [
      'idle',
      'new',
    ])
    assert.deepEqual(turns, [500, 500])
  })

  it('fit with every priority into the 32 bits of pg-boss, none reaching into the next', () => {
    for (let priority = -100; priority <= 100; priority += 1) {
      assert.ok(lowestRank(priority) > rankOf(priority - 1, 0))
      for (const turn of [-1, 0, TURNS_MAX - 1, TURNS_MAX, 2 ** 50])
        assert.equal(rankOf(priority, turn) | 0, rankOf(priority, turn))
    }
  })
})

describe('the name of a queue', () => {
  it('holds any name of a job, two names never the same, and is given back', () => {
    const names = ['plain_1-2', 'a b', 'a.20.b', 'a.20.', '.', '', 'é', '🐘', '/']
    for (const name of names) {
      assert.match(queueOf(name), /^[\w.-]*$/)
      assert.equal(jobOf(queueOf(name)), name)
    }
    assert.equal(new Set(names.map(queueOf)).size, names.length)
  })
})
