import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, it } from 'node:test'
import { virtualClock } from './test-support.ts'
import { waitFor } from './wait.ts'

const late = {
  name: 'UnavailableError',
  code: 'token_timeout',
  message: 'Cannot get a cake, as one is needed within 50 ms: the authority has not answered yet',
  hint: 'The request goes on: try again in a moment, or allow more time',
}

function waiting(signal?: AbortSignal) {
  const clock = virtualClock()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const wait = waitFor(promise, { clock, signal, timeoutMs: 50, what: 'a cake' })
  return { clock, resolve, reject, wait }
}

describe('waitFor', () => {
  it('gives the result and leaves no listener on the signal', async () => {
    const { signal } = new AbortController()
    const { wait, resolve } = waiting(signal)
    resolve('cake')
    assert.equal(await wait, 'cake')
    assert.deepEqual(getEventListeners(signal, 'abort'), [])
  })

  it('passes a failure through', async () => {
    const { wait, reject } = waiting()
    const fault = new Error('burnt')
    reject(fault)
    await assert.rejects(wait, fault)
  })

  it('ends when the time is over and not before', async () => {
    const early = waiting()
    await early.clock.advance(49)
    early.resolve('cake')
    assert.equal(await early.wait, 'cake')
    const { wait, clock, reject } = waiting()
    const ended = assert.rejects(wait, late)
    await clock.advance(50)
    await ended
    // Nobody hears of it any more, and the process goes on.
    reject(new Error('burnt'))
  })

  it('ends with the reason of the signal', async () => {
    const controller = new AbortController()
    const reason = new Error('not hungry')
    const { wait } = waiting(controller.signal)
    controller.abort(reason)
    await assert.rejects(wait, reason)
    await assert.rejects(waiting(AbortSignal.abort(reason)).wait, reason)
  })
})
