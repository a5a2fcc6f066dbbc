import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Turns } from './turns.ts'

const LIMITS = { atOnce: 2, waitMs: 500, waitingMax: 3 }

describe('turns', () => {
  it('come in the order in which they were asked for, and no more than are allowed at once', async () => {
    const turns = new Turns(LIMITS)
    const got: number[] = []
    const asked = [1, 2, 3, 4, 5].map((one) => turns.take().then(() => void got.push(one)))
    await Promise.all(asked.slice(0, 2))
    assert.deepEqual(got, [1, 2])
    for (const next of [3, 4, 5]) {
      turns.give()
      await asked[next - 1]
      assert.equal(got.at(-1), next)
    }
    turns.give()
    turns.give()
    await Promise.all([turns.take(), turns.take()])
  })

  it('that do not come in time are refused, and given to those who still wait', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const turns = new Turns({ ...LIMITS, atOnce: 1 })
    await turns.take()
    const late = turns.take()
    t.mock.timers.tick(499)
    const next = turns.take()
    t.mock.timers.tick(1)
    await assert.rejects(late, {
      name: 'StoreUnavailable',
      statusCode: 503,
      message: 'The database of the platform did not answer in time.',
    })
    turns.give()
    await next
    t.mock.timers.tick(1_000)
    turns.give()
    await turns.take()
  })

  it('are refused at once to one more than may wait', async () => {
    const turns = new Turns({ ...LIMITS, atOnce: 1 })
    await turns.take()
    const waiting = [turns.take(), turns.take(), turns.take()]
    await assert.rejects(turns.take(), {
      name: 'StoreUnavailable',
      statusCode: 503,
      message: 'The database of the platform has no room for this request.',
    })
    for (const one of waiting) {
      turns.give()
      await one
    }
  })
})
