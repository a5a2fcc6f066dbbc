import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { systemClock } from './clock.ts'

describe('systemClock', () => {
  it('tells the time of the machine', () => {
    const before = Date.now()
    const now = systemClock.now()
    assert.ok(now >= before && now <= Date.now())
  })

  it('sleeps to its end and leaves no listener on the signal', async () => {
    const { signal } = new AbortController()
    await systemClock.sleep(1, signal)
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('does not begin to sleep when the signal is aborted already', async () => {
    const reason = new Error('stopped before')
    await assert.rejects(systemClock.sleep(2 ** 30, AbortSignal.abort(reason)), reason)
  })

  it('wakes with the reason of the signal as soon as it is aborted', async () => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    const sleeping = systemClock.sleep(2 ** 30, controller.signal)
    controller.abort(reason)
    await assert.rejects(sleeping, reason)
  })
})
