import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identityAt, scriptedServer, tokenAnswer } from '../test-support.ts'
import { abortSignalOf } from './abort-signal.ts'

/** As an old polyfill has it: no `reason`, no `throwIfAborted`. */
class Polyfill {
  aborted = false
  readonly listeners = new Set<(event: unknown) => void>()

  addEventListener(_: 'abort', listener: (event: unknown) => void): void {
    this.listeners.add(listener)
  }

  removeEventListener(_: 'abort', listener: (event: unknown) => void): void {
    this.listeners.delete(listener)
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.listeners) listener({})
  }
}

describe('abortSignalOf', () => {
  it('returns a signal of Node as it is', () => {
    const { signal } = new AbortController()
    assert.equal(abortSignalOf(signal), signal)
    assert.equal(abortSignalOf(undefined), undefined)
  })

  it('follows a signal that has less to it, and lets go of it', () => {
    const polyfill = new Polyfill()
    const signal = abortSignalOf(polyfill)
    assert.equal(signal?.aborted, false)
    polyfill.abort()
    assert.equal(signal?.aborted, true)
    assert.equal(polyfill.listeners.size, 0)
    assert.equal(abortSignalOf(polyfill)?.aborted, true)
  })

  it('lets such a signal end the wait for a token', async (t) => {
    const polyfill = new Polyfill()
    const server = await scriptedServer(t, () => {
      polyfill.abort()
      return tokenAnswer('a-token')
    })
    const wait = identityAt(server).getToken('api://orders/.default', { abortSignal: polyfill })
    await assert.rejects(wait, { name: 'AbortError' })
  })
})
