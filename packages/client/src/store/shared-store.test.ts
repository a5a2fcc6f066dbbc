import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import type { IdentityEvent } from '../events.ts'
import { identityAt, scriptedServer, tokenAnswer } from '../test-support.ts'
import { virtualClock } from '../token/test-support.ts'
import { sharedStore } from './shared-store.ts'
import { memoryStore, newKey, REQUEST } from './store-test-support.ts'

describe('sharedStore', () => {
  for (const [limits, message] of [
    [{ timeoutMs: 0 }, 'timeoutMs 0, as a whole number from 1 to 30000 is needed'],
    [{ timeoutMs: 30_001 }, 'timeoutMs 30001, as a whole number from 1 to 30000 is needed'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs NaN, as a whole number from 1 to 30000 is needed'],
    [{ pauseMs: 0.5 }, 'pauseMs 0.5, as a whole number from 1 to 3600000 is needed'],
    [{ pauseMs: Infinity }, 'pauseMs Infinity, as a whole number from 1 to 3600000 is needed'],
  ] as const) {
    it(`is not made with ${inspect(limits)}`, () => {
      assert.throws(() => sharedStore({ store: memoryStore(virtualClock()), keys: [newKey()], ...limits }), {
        name: 'ConfigurationError',
        code: 'store_limit_invalid',
        message: `Cannot share tokens with ${message}`,
      })
    })
  }

  it('is not made without a key', () => {
    assert.throws(() => sharedStore({ store: memoryStore(virtualClock()), keys: [] }), {
      name: 'ConfigurationError',
      code: 'store_key_invalid',
    })
  })
})

describe('AppIdentity with a shared store', () => {
  it('shares tokens with another identity, and forgets those of the store with its own', async (t) => {
    const server = await scriptedServer(t, (_, number) => tokenAnswer(`token-${number}`))
    const clock = virtualClock()
    const shared = sharedStore({ store: memoryStore(clock), keys: [newKey()] })
    const [one, two] = [1, 2].map(() => identityAt(server, { store: shared, clock }))
    assert.ok(one && two)
    assert.equal((await one.getToken(REQUEST.scope)).token, 'token-1')
    assert.equal((await two.getToken(REQUEST.scope)).token, 'token-1')
    assert.deepEqual([one.tokenRequests, two.tokenRequests], [1, 0])
    await clock.advance(1_000)
    two.forgetTokens()
    assert.equal((await two.getToken(REQUEST.scope)).token, 'token-2')
    assert.equal((await one.getToken(REQUEST.scope, { forceRefresh: true })).token, 'token-2')
    assert.equal(server.received.length, 2)
  })

  it('tells of a store that is down, by an event', async (t) => {
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const told: IdentityEvent[] = []
    const store = { ...memoryStore(virtualClock()), get: () => Promise.reject(new Error('down')) }
    const identity = identityAt(server, {
      store: sharedStore({ store, keys: [newKey()] }),
      onEvent: (event) => told.push(event),
    })
    assert.equal((await identity.getToken(REQUEST.scope)).token, 'a-token')
    assert.deepEqual(
      told.map(({ type }) => type),
      ['store_warning', 'token_obtained'],
    )
  })
})
