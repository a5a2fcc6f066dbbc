// Stores that are down, slow, forgetful or full of garbage: each costs warnings and requests, and never a token.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ConfigurationError } from '../errors.ts'
import { seeded } from '../token/test-support.ts'
import type { StoreWarning } from './circuit.ts'
import { EntrySealer } from './sealing.ts'
import { ENTRY_MAX_BYTES, type TokenStore } from './store.ts'
import { fleetAtHand, hourFrom, newKey, REQUEST, TOKEN_ENDPOINT, withTime } from './store-test-support.ts'

const HOUR_MS = 3_600_000
const PLACE = { ...REQUEST, authority: TOKEN_ENDPOINT, clientId: 'daemon' }
const refused = Object.assign(new Error(''), { code: 'ECONNREFUSED' })
const hang = () => new Promise<never>(() => {})

const unavailable = (what: string, reason: string, hint?: string): StoreWarning => ({
  type: 'store_warning',
  code: 'store_unavailable',
  message: `Cannot ${what} the shared store, as it must answer: ${reason}. Tokens come from the authority for 30000 ms`,
  hint: hint ?? 'Check that the store runs and can be reached from here',
})
const unreadable = (found: string): StoreWarning => ({
  type: 'store_warning',
  code: 'store_entry_unreadable',
  message: `Cannot use an entry of the shared store, as one that this fleet has sealed is needed: ${found}`,
  hint: 'It is replaced now; if this goes on, something else writes to the store, or processes have different keys',
})

describe('SharedTokens with a store that is down', () => {
  for (const [operation, what] of [
    ['get', 'read'],
    ['lease', 'take a lease in'],
    ['put', 'write to'],
    ['release', 'release a lease in'],
  ] as const) {
    it(`gets the token when '${operation}' fails, and says so once`, async () => {
      const { store, process } = fleetAtHand()
      const { token, asked, told } = process({
        store: { ...store, [operation]: () => Promise.reject(refused) },
      })
      assert.deepEqual([await token(), await token({ tenant: 'fabrikam.example' })], ['token-1', 'token-2'])
      assert.equal(asked.length, 2)
      assert.deepEqual(told, [unavailable(what, 'ECONNREFUSED')])
    })

    it(`gets the token when '${operation}' throws before there is a promise, or something that is no error`, async () => {
      for (const [thrown, reason] of [
        [refused, 'ECONNREFUSED'],
        ['no error', 'it failed without an error'],
      ] as const) {
        const { store, process } = fleetAtHand()
        const fail = () => {
          throw thrown
        }
        const { token, told } = process({ store: { ...store, [operation]: fail } })
        assert.equal(await token(), 'token-1')
        assert.deepEqual(told, [unavailable(what, reason)])
      }
    })

    it(`gets the token within a second when '${operation}' hangs, and the next without waiting`, async () => {
      const { clock, store, process } = fleetAtHand()
      const { token, told } = process({ store: { ...store, [operation]: hang } })
      const startMs = clock.now()
      assert.equal(await withTime(clock, token()), 'token-1')
      const waitedMs = clock.now() - startMs
      assert.ok(waitedMs >= 1_000 && waitedMs < 1_100, `${waitedMs} ms`)
      assert.equal(await token({ tenant: 'fabrikam.example' }), 'token-2')
      assert.deepEqual(told, [unavailable(what, 'no answer within 1000 ms')])
    })
  }

  it('aborts the operation that nobody waits for any more', async () => {
    const { clock, store, process } = fleetAtHand()
    const signals: AbortSignal[] = []
    const get: TokenStore['get'] = (_, signal) => {
      signals.push(signal)
      return hang()
    }
    await withTime(clock, process({ store: { ...store, get }, timeoutMs: 50 }).token())
    assert.deepEqual(
      signals.map(({ aborted }) => aborted),
      [true],
    )
  })

  it('is tried by one caller after the pause, and used again when it is back', async () => {
    const { clock, store, process } = fleetAtHand()
    let gets = 0
    let isDown = true
    const get: TokenStore['get'] = (name, signal) => {
      gets += 1
      return isDown ? hang() : store.get(name, signal)
    }
    const { token, told, asked } = process({ store: { ...store, get } })
    await withTime(clock, token())
    await clock.advance(30_000)
    const tenants = Array.from({ length: 10 }, (_, n) => token({ tenant: `tenant-${n}.example` }))
    await withTime(clock, Promise.all(tenants))
    assert.equal(gets, 2)
    assert.equal(told.length, 2)
    isDown = false
    await clock.advance(30_000)
    assert.equal(await token(), 'token-12')
    assert.equal(await token(), 'token-12')
    assert.equal(asked.length, 12)
    assert.equal(told.length, 2)
  })

  it('repeats no credential of an address, and the hint of an error that has one', async () => {
    const { store, process } = fleetAtHand()
    const secret = crypto.randomUUID()
    for (const [error, warning] of [
      [
        new Error(`connect redis://daemon:${secret}@cache failed`),
        unavailable('read', 'connect redis://…@cache failed'),
      ],
      [new Error('x'.repeat(1_000)), unavailable('read', 'x'.repeat(200))],
      [
        new ConfigurationError('No driver', { code: 'x', hint: 'Install it' }),
        unavailable('read', 'No driver', 'Install it'),
      ],
    ] as const) {
      const { token, told } = process({ store: { ...store, get: () => Promise.reject(error) } })
      await token()
      assert.deepEqual(told, [warning])
    }
  })

  it('takes no older token from it that the one it could not put there was to replace', async () => {
    const { clock, store, process } = fleetAtHand()
    let isFull = false
    const put: TokenStore['put'] = (...args) =>
      isFull ? Promise.reject(new Error('full')) : store.put(...args)
    const { token } = process({ store: { ...store, put }, pauseMs: 1 })
    await token()
    await clock.advance(1_000)
    isFull = true
    assert.equal(await token({ notToken: 'token-1' }), 'token-2')
    await clock.advance(1_000)
    isFull = false
    assert.equal(await withTime(clock, token({ notToken: 'token-2' })), 'token-3')
    assert.equal(await process().token(), 'token-3')
  })
})

describe('SharedTokens with a store that forgets everything at once', () => {
  it('gets each token, without a word', async () => {
    const { process } = fleetAtHand()
    const store: TokenStore = {
      get: async () => undefined,
      put: async () => {},
      lease: async () => true,
      release: async () => {},
    }
    const { token, told } = process({ store })
    assert.deepEqual([await token(), await token()], ['token-1', 'token-2'])
    assert.deepEqual(told, [])
  })
})

describe('SharedTokens with a store that holds garbage', () => {
  const keys = [newKey()]
  const sealer = new EntrySealer(keys)
  const [name] = sealer.names(PLACE)
  const sealed = (content: unknown) => sealer.seal(PLACE, Buffer.from(JSON.stringify(content)))
  const good = { accessToken: 'a', expiresAtMs: 9e15, refreshAtMs: 9e15, lifetimeMs: HOUR_MS }
  const future = Buffer.from(sealed(good))
  future[0] = 9
  const changed = Buffer.from(sealed(good))
  changed[40] = (changed[40] ?? 0) ^ 1
  const moved = 'it was changed, or moved here from another place'

  for (const [what, value, found] of [
    ['nothing', Buffer.alloc(0), '0 bytes are too few'],
    [
      'text',
      Buffer.from('<html>502 Bad Gateway, and more of the like</html>'),
      'its version is 60, and 1 is needed',
    ],
    ['half an entry', sealed(good).subarray(0, 60), moved],
    ['a changed entry', changed, moved],
    ['an entry of another tenant', sealer.seal({ ...PLACE, tenant: 'x.example' }, Buffer.from('{}')), moved],
    ['an entry of the future', future, 'its version is 9, and 1 is needed'],
    [
      'an entry of another fleet',
      new EntrySealer([newKey()]).seal(PLACE, Buffer.from('{}')),
      'it was sealed with a key that is not configured here',
    ],
    ['sealed text', sealer.seal(PLACE, Buffer.from('no JSON')), 'it holds no token'],
    ['null', sealed(null), 'it holds no token'],
    ['a list', sealed([]), 'it holds no token'],
    ['no token', sealed({ ...good, accessToken: undefined }), 'it holds no token'],
    ['an empty token', sealed({ ...good, accessToken: '' }), 'it holds no token'],
    ['a token that is a number', sealed({ ...good, accessToken: 7 }), 'it holds no token'],
    ['no end', sealed({ ...good, expiresAtMs: undefined }), 'it holds no token'],
    ['an end that is text', sealed({ ...good, expiresAtMs: '9e15' }), 'it holds no token'],
    ['a renewal that is no number', sealed({ ...good, refreshAtMs: null }), 'it holds no token'],
    ['no lifetime', sealed({ ...good, lifetimeMs: undefined }), 'it holds no token'],
  ] as const) {
    it(`warns of ${what} in place of an entry, and replaces it`, async () => {
      const { store, clock, process } = fleetAtHand({ keys })
      await store.put(name, value, HOUR_MS, new AbortController().signal)
      assert.ok(store.entries.get(name)?.endsAtMs === clock.now() + HOUR_MS)
      const { token, told, asked } = process()
      assert.equal(await token(), 'token-1')
      assert.equal(asked.length, 1)
      // Once on looking, and once more on looking again under the lease.
      assert.deepEqual(told, [unreadable(found), unreadable(found)])
      assert.equal(await process().token(), 'token-1')
    })
  }

  it('reads no entry that is too large, and puts none', async () => {
    const { store, clock, process } = fleetAtHand({ keys })
    const value = new Uint8Array(ENTRY_MAX_BYTES + 1)
    const get = async () => ({ value, restMs: HOUR_MS })
    const acquire = async () => hourFrom(clock.now(), 'x'.repeat(ENTRY_MAX_BYTES))
    const { token, told } = process({ store: { ...store, get }, acquire })
    assert.equal((await token()).length, ENTRY_MAX_BYTES)
    assert.equal(store.entries.size, 0)
    const [look, again, put] = told
    assert.deepEqual([look, again], Array(2).fill(unreadable('65537 bytes are more than 65536')))
    assert.equal(put?.code, 'store_entry_too_large')
    assert.match(
      put.message,
      /^Cannot share a token, as an entry of at most 65536 bytes is needed: it has 65\d{3}$/,
    )
  })
})

describe('SharedTokens with clocks that differ', () => {
  const MINUTES = 60_000
  for (const aheadMs of [-120 * MINUTES, -10 * MINUTES, 0, 10 * MINUTES, 120 * MINUTES]) {
    it(`never uses a token beyond its end when the writer is ${aheadMs / MINUTES} min ahead`, async () => {
      const { clock, process } = fleetAtHand()
      const writer = { ...clock, now: () => clock.now() + aheadMs }
      await process({ clock: writer }).token()
      await clock.advance(20 * MINUTES)
      const trueEndMs = clock.now() + 40 * MINUTES
      const { accessToken, expiresAtMs, refreshAtMs } = await process().shared.acquire(REQUEST)
      if (accessToken === 'token-1') {
        assert.ok(expiresAtMs <= trueEndMs)
        assert.ok(refreshAtMs <= trueEndMs - 30 * MINUTES)
      }
      // A writer that is behind by more than the rest of the token's life costs a request, and nothing else.
      assert.equal(accessToken, aheadMs < -9 * MINUTES ? 'token-2' : 'token-1')
    })
  }

  it('believes no rest that a store invents', async () => {
    const { clock, store, process } = fleetAtHand()
    await process().token()
    for (const restMs of [Infinity, 1e15, HOUR_MS]) {
      const get: TokenStore['get'] = async (name) => {
        const value = store.entries.get(name)?.value
        return value && { value, restMs }
      }
      const { expiresAtMs } = await process({ store: { ...store, get } }).shared.acquire(REQUEST)
      assert.equal(expiresAtMs, clock.now() + HOUR_MS)
    }
    for (const restMs of [-1, Number.NaN]) {
      const get: TokenStore['get'] = async (name) => {
        const value = store.entries.get(name)?.value
        return value && { value, restMs }
      }
      const { token, told } = process({ store: { ...store, get } })
      assert.notEqual(await token(), 'token-1')
      assert.deepEqual(told[0], unreadable('it holds no token'))
    }
  })
})

describe('SharedTokens with a store that does all of that by chance', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    it(`gives every caller a token of its own tenant (seed ${seed})`, async () => {
      const random = seeded(seed)
      const { clock, store, process } = fleetAtHand({ timeoutMs: 20, pauseMs: 100 })
      const faulty =
        <Args extends unknown[], Result>(
          operation: (...args: Args) => Promise<Result>,
          garble: () => Result,
        ) =>
        async (...args: Args): Promise<Result> => {
          const fault = random()
          if (fault < 0.1) throw refused
          if (fault < 0.15) return hang()
          if (fault < 0.3) return garble()
          await clock.sleep(random() * 30)
          return operation(...args)
        }
      const wild = () => ({
        value: Uint8Array.from({ length: random() * 99 }, () => random() * 256),
        restMs: random() * 9e9,
      })
      const swapped = () => {
        const values = [...store.entries.values()].map(({ value }) => value)
        return { value: values[Math.floor(random() * values.length)] ?? wild().value, restMs: HOUR_MS }
      }
      const bad: TokenStore = {
        get: faulty(
          (...args: Parameters<TokenStore['get']>) => store.get(...args),
          () => (random() < 0.5 ? wild() : swapped()),
        ),
        put: faulty(
          (...args: Parameters<TokenStore['put']>) => store.put(...args),
          () => {},
        ),
        lease: faulty(
          (...args: Parameters<TokenStore['lease']>) => store.lease(...args),
          () => random() < 0.5,
        ),
        release: faulty(
          (...args: Parameters<TokenStore['release']>) => store.release(...args),
          () => {},
        ),
      }
      const acquire = async ({ tenant }: { readonly tenant: string }) => hourFrom(clock.now(), tenant)
      const fleet = Array.from({ length: 5 }, () => process({ store: bad, acquire }))
      const calls = Array.from({ length: 200 }, async (_, n) => {
        await clock.sleep(random() * 20_000)
        const tenant = `tenant-${Math.floor(random() * 4)}.example`
        assert.equal(await fleet[n % fleet.length]?.token({ tenant }), tenant)
      })
      await withTime(clock, Promise.all(calls))
      const asked = fleet.flatMap((each) => each.asked).length
      assert.ok(asked >= 4 && asked <= 200, `${asked} requests`)
      assert.ok(fleet.some(({ told }) => told.length > 0))
    })
  }
})
