import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PermissionError } from '../errors.ts'
import { down } from '../token/test-support.ts'
import type { TokenStore } from './store.ts'
import { fleetAtHand, hourFrom, newKey, withTime } from './store-test-support.ts'

const HALF_HOUR_MS = 1_800_000

describe('SharedTokens', () => {
  it('asks the authority once for a fleet, one process after another', async () => {
    const { process } = fleetAtHand()
    const [one, two] = [process(), process()]
    assert.deepEqual(
      [await one.token(), await two.token(), await one.token()],
      ['token-1', 'token-1', 'token-1'],
    )
    assert.deepEqual([one.asked.length, two.asked.length], [1, 0])
    assert.deepEqual(one.asked, [{ tenant: 'contoso.example', scope: 'api://orders/.default' }])
    assert.deepEqual([...one.told, ...two.told], [])
  })

  it('asks once for a hundred processes that start at the same moment', async () => {
    const { process, clock, store } = fleetAtHand()
    let asked = 0
    const acquire = async () => {
      asked += 1
      await clock.sleep(300)
      return hourFrom(clock.now(), `token-${asked}`)
    }
    const tokens = Array.from({ length: 100 }, () => process({ acquire }).token())
    const got = await withTime(clock, Promise.all(tokens))
    assert.deepEqual(new Set(got), new Set(['token-1']))
    assert.equal(asked, 1)
    assert.equal(store.leases.size, 0)
  })

  it('renews once for all, when the token of each is due', async () => {
    const { process, clock } = fleetAtHand()
    const fleet = Array.from({ length: 20 }, () => process())
    for (const { token } of fleet) assert.equal(await token(), 'token-1')
    await clock.advance(HALF_HOUR_MS)
    const renewed = fleet.map(({ token }) => token({ notToken: 'token-1' }))
    assert.deepEqual(new Set(await withTime(clock, Promise.all(renewed))), new Set(['token-2']))
    assert.equal(fleet.flatMap(({ asked }) => asked).length, 2)
  })

  it('does not give a token back that was refused, and takes the next one that another process has got', async () => {
    const { process } = fleetAtHand()
    const [one, two] = [process(), process()]
    await one.token()
    await two.token()
    assert.equal(await one.token({ notToken: 'token-1' }), 'token-2')
    assert.equal(await two.token({ notToken: 'token-1' }), 'token-2')
    assert.deepEqual([one.asked.length, two.asked.length], [2, 0])
  })

  it('takes no token that is due for renewal', async () => {
    const { process, clock } = fleetAtHand()
    await process().token()
    await clock.advance(HALF_HOUR_MS - 1)
    assert.equal(await process().token(), 'token-1')
    await clock.advance(1)
    assert.equal(await process().token(), 'token-2')
  })

  it('never crosses clients, tenants, scopes and claims', async () => {
    const { process } = fleetAtHand()
    const [one, other] = [process(), process({ clientId: 'other' })]
    const requests = [
      {},
      { tenant: 'fabrikam.example' },
      { scope: 'api://invoices/.default' },
      { claims: '{"a":1}' },
    ]
    const first = [
      ...(await inTurn(requests.map((request) => () => one.token(request)))),
      await other.token(),
    ]
    assert.deepEqual(first, ['token-1', 'token-2', 'token-3', 'token-4', 'token-5'])
    const second = [
      ...(await inTurn(requests.map((request) => () => process().token(request)))),
      await other.token(),
    ]
    assert.deepEqual(second, first)
  })

  it('puts nothing that ends within ten seconds', async () => {
    const { process, clock, store } = fleetAtHand()
    const acquire = async () => ({
      accessToken: 'brief',
      expiresAtMs: clock.now() + 10_000,
      refreshAtMs: clock.now(),
    })
    assert.equal(await process({ acquire }).token(), 'brief')
    assert.equal(store.entries.size, 0)
  })

  it('forgets a tenant: what is in the store serves it no longer, and what comes later does', async () => {
    const { process, clock } = fleetAtHand()
    const [one, two] = [process(), process()]
    await one.token()
    await one.token({ tenant: 'fabrikam.example' })
    await clock.advance(1_000)
    two.shared.forget('contoso.example')
    await clock.advance(1)
    assert.equal(await two.token({ tenant: 'fabrikam.example' }), 'token-2')
    assert.equal(await two.token(), 'token-3')
    assert.equal(await two.token(), 'token-3')
    assert.equal(await one.token(), 'token-3')
  })
})

/** One after another, so that tokens are numbered in that order. */
async function inTurn<Result>(calls: readonly (() => Promise<Result>)[]): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const call of calls) results.push(await call())
  return results
}

describe('SharedTokens with a lease that somebody else holds', () => {
  it('waits for what the holder brings, and no longer', async () => {
    const { process, clock } = fleetAtHand()
    const startMs = clock.now()
    const slow = process({ acquire: () => clock.sleep(2_000).then(() => hourFrom(clock.now(), 'slow')) })
    const [one, two] = [slow.token(), process().token()]
    assert.deepEqual(await withTime(clock, Promise.all([one, two])), ['slow', 'slow'])
    assert.ok(clock.now() - startMs < 2_600)
  })

  it('takes over as soon as a holder has failed', async () => {
    const { process, clock, store } = fleetAtHand()
    const startMs = clock.now()
    const failing = process({ acquire: () => clock.sleep(200).then(() => Promise.reject(down())) })
    const failed = assert.rejects(failing.token(), { code: 'http_503' })
    assert.equal(await withTime(clock, process().token()), 'token-1')
    await failed
    assert.ok(clock.now() - startMs < 1_000)
    assert.equal(store.leases.size, 0)
  })

  it('takes over when the lease of a dead holder is over', async () => {
    const { process, clock, store } = fleetAtHand()
    const startMs = clock.now()
    process({ acquire: () => new Promise(() => {}) })
      .token()
      .catch(() => {})
    await clock.advance(0)
    assert.equal(store.leases.size, 1)
    assert.equal(await withTime(clock, process().token()), 'token-1')
    assert.ok(clock.now() - startMs >= 5_000 && clock.now() - startMs < 5_600)
  })

  it('looks again under the lease, since the last holder may have been done between look and lease', async () => {
    const { process, store } = fleetAtHand()
    const other = process()
    const lease: TokenStore['lease'] = async (...args) => {
      await other.token()
      return store.lease(...args)
    }
    const { token, asked } = process({ store: { ...store, lease } })
    assert.equal(await token(), 'token-1')
    assert.deepEqual([asked.length, other.asked.length], [0, 1])
  })

  it('asks the authority by itself after five seconds, whoever holds the lease by then', async () => {
    const { process, clock, store } = fleetAtHand()
    const startMs = clock.now()
    const held = { ...store, lease: async () => false }
    assert.equal(await withTime(clock, process({ store: held }).token()), 'token-1')
    assert.ok(clock.now() - startMs >= 5_000 && clock.now() - startMs < 5_600)
  })
})

describe('SharedTokens through an outage of the authority', () => {
  const fleetInOutage = async (error: Error) => {
    const fleet = fleetAtHand()
    await fleet.process().token()
    await fleet.clock.advance(HALF_HOUR_MS + 60_000)
    return { ...fleet, late: fleet.process({ acquire: () => Promise.reject(error) }) }
  }

  it('serves the old token of the fleet to a process that has none, and has it ask again soon', async () => {
    for (const [retryAfterMs, pauseMs] of [
      [undefined, 30_000],
      [1_000, 30_000],
      [120_000, 120_000],
    ]) {
      const { late, clock, store } = await fleetInOutage(down(retryAfterMs))
      const { accessToken, refreshAtMs } = await late.shared.acquire({
        tenant: 'contoso.example',
        scope: 'api://orders/.default',
      })
      assert.deepEqual([accessToken, refreshAtMs - clock.now()], ['token-1', pauseMs])
      assert.equal(store.leases.size, 0)
    }
  })

  it('tells a process that has it already of the fault', async () => {
    const { late } = await fleetInOutage(down())
    await assert.rejects(late.token({ notToken: 'token-1' }), { code: 'http_503' })
  })

  it('hides no other refusal', async () => {
    const { late } = await fleetInOutage(new PermissionError('Cannot', { code: 'consent_missing' }))
    await assert.rejects(late.token(), { code: 'consent_missing' })
  })

  it('serves nothing that ends within ten seconds', async () => {
    const { late, clock } = await fleetInOutage(down())
    await clock.advance(HALF_HOUR_MS - 60_000 - 10_000)
    await assert.rejects(late.token(), { code: 'http_503' })
  })
})

describe('SharedTokens while its keys are replaced', () => {
  it('costs no request when the new key comes last, then first, and the old one goes', async () => {
    const [old, fresh] = [newKey(), newKey()]
    const { process } = fleetAtHand()
    assert.equal(await process({ keys: [old] }).token(), 'token-1')
    assert.equal(await process({ keys: [old, fresh] }).token(), 'token-1')
    assert.equal(await process({ keys: [fresh, old] }).token(), 'token-1')
    assert.equal(await process({ keys: [fresh, old] }).token({ notToken: 'token-1' }), 'token-2')
    assert.equal(await process({ keys: [old, fresh] }).token({ notToken: 'token-1' }), 'token-2')
    assert.equal(await process({ keys: [fresh] }).token(), 'token-2')
  })

  it('keeps processes apart that have no key in common, without a word', async () => {
    const { process, store } = fleetAtHand()
    const [one, two] = [process({ keys: [newKey()] }), process({ keys: [newKey()] })]
    assert.deepEqual([await one.token(), await two.token()], ['token-1', 'token-2'])
    assert.deepEqual([await one.token(), await two.token()], ['token-1', 'token-2'])
    assert.deepEqual([...one.told, ...two.told], [])
    assert.equal(store.entries.size, 2)
  })
})
