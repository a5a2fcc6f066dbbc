import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CredentialError } from '../errors.ts'
import { tellAll } from '../events.ts'
import { down, keeperAtHand, settled } from './test-support.ts'

const T = 'contoso.example'
const S = 'api://orders/.default'
const MINUTE_MS = 60_000

const timedOut = (ms: number) => ({
  name: 'UnavailableError',
  code: 'token_timeout',
  message: `Cannot get a token for ${S} in tenant ${T}, as one is needed within ${ms} ms: the authority has not answered yet`,
})

/** A keeper that has a token, an hour old at its end and due for renewal after half of it. */
async function warm(options: Parameters<typeof keeperAtHand>[0] = {}) {
  const at = keeperAtHand(options)
  const first = at.keeper.token(T, S, undefined)
  await (await at.request(1)).grant()
  const name = async () => (await at.keeper.token(T, S, undefined)).token
  return { ...at, first: await first, name }
}

describe('TokenKeeper on a cold key', () => {
  it('asks once for all callers and gives all the same token', async () => {
    const { keeper, asked, request } = keeperAtHand()
    const callers = Array.from({ length: 50 }, () => keeper.token(T, S, undefined))
    await (await request(1)).grant()
    const tokens = await Promise.all(callers)
    assert.deepEqual([new Set(tokens).size, tokens[0]?.token, asked.length], [1, 'token-1', 1])
  })

  it('keeps tenants and scopes apart', async () => {
    const { keeper, asked } = keeperAtHand()
    const keys = [
      ['a', S],
      ['b', S],
      ['a', 'api://b/.default'],
    ] as const
    const callers = keys.map(([tenant, scope]) => keeper.token(tenant, scope, undefined))
    await settled()
    assert.deepEqual(
      asked.map(({ tenant, scope }) => [tenant, scope]),
      keys,
    )
    for (const { grant } of asked) await grant()
    const tokens = (await Promise.all(callers)).map(({ token }) => token)
    assert.deepEqual(tokens, ['token-1', 'token-2', 'token-3'])
  })

  it('lets a caller go without stopping what others wait for', async () => {
    const { keeper, asked, request } = keeperAtHand()
    const controller = new AbortController()
    const reason = new Error('stopped')
    const leaving = keeper.token(T, S, { signal: controller.signal })
    const staying = keeper.token(T, S, undefined)
    const left = assert.rejects(leaving, reason)
    controller.abort(reason)
    await left
    await (await request(1)).grant()
    assert.equal((await staying).token, 'token-1')
    assert.equal(asked.length, 1)
  })

  it('asks nothing for a caller who has left already', async () => {
    const { keeper, asked } = keeperAtHand()
    const reason = new Error('stopped before')
    const signal = AbortSignal.abort(reason)
    await assert.rejects(keeper.token(T, S, { signal }), reason)
    await assert.rejects(keeper.freshToken(T, S, { signal, claims: '{}' }), reason)
    await settled()
    assert.equal(asked.length, 0)
  })

  it('ends each wait at its own deadline, the request going on', async () => {
    const { keeper, clock, request } = keeperAtHand()
    const short = assert.rejects(keeper.token(T, S, { timeoutMs: 1000 }), timedOut(1000))
    const usual = assert.rejects(keeper.token(T, S, undefined), timedOut(30_000))
    await clock.advance(1000)
    await short
    await clock.advance(29_000)
    await usual
    await (await request(1)).grant()
    assert.equal((await keeper.token(T, S, undefined)).token, 'token-1')
  })

  it('tries again, ever later but at most 5 s apart, until nobody would wait any longer', async () => {
    const { keeper, clock, asked } = keeperAtHand({ random: () => 0.5 })
    const waiting = assert.rejects(keeper.token(T, S, undefined), { code: 'http_503' })
    const pauses: number[] = []
    for (let number = 1; ; number += 1) {
      await settled()
      await asked[number - 1]?.fail(down())
      const [pause] = clock.sleepers()
      if (pause === undefined) break
      pauses.push(pause)
      await clock.advance(pause)
    }
    await waiting
    assert.deepEqual(pauses, [187.5, 375, 750, 1500, 3000, 3750, 3750, 3750, 3750, 3750, 3750])
  })

  it('is silent for as long as the server asks, also towards who comes later', async () => {
    const { keeper, clock, asked, request } = keeperAtHand()
    const first = keeper.token(T, S, undefined)
    await (await request(1)).fail(down(20_000))
    await clock.advance(19_999)
    const later = keeper.token(T, S, undefined)
    assert.equal(asked.length, 1)
    await clock.advance(1)
    await (await request(2)).grant()
    assert.deepEqual([(await first).token, (await later).token], ['token-2', 'token-2'])
  })

  it('says at once what the server said when it asks for more silence than the caller has time', async () => {
    const { keeper, clock, asked, request } = keeperAtHand()
    const fault = down(60_000)
    const first = assert.rejects(keeper.token(T, S, undefined), fault)
    await (await request(1)).fail(fault)
    await first
    await assert.rejects(keeper.token(T, S, undefined), fault)
    await clock.advance(30_001)
    const patient = keeper.token(T, S, undefined)
    await clock.advance(29_999)
    assert.equal(asked.length, 2)
    await (await request(2)).grant()
    assert.equal((await patient).token, 'token-2')
  })

  it('does not hurry when the server asks for no silence at all', async () => {
    const { keeper, clock, request } = keeperAtHand()
    const waiting = keeper.token(T, S, undefined)
    await (await request(1)).fail(down(0))
    assert.deepEqual(clock.sleepers(), [125])
    await clock.advance(125)
    await (await request(2)).grant()
    assert.equal((await waiting).token, 'token-2')
  })

  it('gives up at once what no waiting mends, and asks anew the next time', async () => {
    const { keeper, asked, request } = keeperAtHand()
    const fault = new CredentialError('The secret has expired', { code: 'invalid_client' })
    const first = assert.rejects(keeper.token(T, S, undefined), fault)
    await (await request(1)).fail(fault)
    await first
    const second = keeper.token(T, S, undefined)
    await (await request(2)).grant()
    assert.equal((await second).token, 'token-2')
    assert.equal(asked.length, 2)
  })

  it('gives a token that is as good as over to those who wait, and keeps it for nobody', async () => {
    const { keeper, clock, request } = keeperAtHand()
    const callers = [keeper.token(T, S, undefined), keeper.token(T, S, undefined)]
    await (await request(1)).grant({ expiresAtMs: clock.now() + 10_000, refreshAtMs: clock.now() })
    const tokens = await Promise.all(callers)
    assert.deepEqual(
      tokens.map(({ token }) => token),
      ['token-1', 'token-1'],
    )
    const next = keeper.token(T, S, undefined)
    await (await request(2)).grant()
    assert.equal((await next).token, 'token-2')
  })
})

describe('TokenKeeper renews', () => {
  it('by use, in the background, from the renewal point on', async () => {
    const { clock, asked, request, name } = await warm()
    await clock.advance(30 * MINUTE_MS - 1)
    assert.equal(await name(), 'token-1')
    assert.equal(asked.length, 1)
    await clock.advance(1)
    assert.deepEqual([await name(), await name(), await name()], ['token-1', 'token-1', 'token-1'])
    assert.equal(asked.length, 2)
    await (await request(2)).grant()
    assert.equal(await name(), 'token-2')
  })

  it('up to a tenth of the wait earlier, by chance', async () => {
    const { clock, asked, name } = await warm({ random: () => 0.5 })
    await clock.advance(30 * MINUTE_MS * 0.95 - 1)
    await name()
    assert.equal(asked.length, 1)
    await clock.advance(1)
    await name()
    assert.equal(asked.length, 2)
  })

  it('half a minute after a failure, and serves the old token until 10 s before its end', async () => {
    const told: unknown[] = []
    const { clock, asked, request, name, keeper } = await warm({
      tell: (event) => {
        assert.equal(event.type, 'renewal_failed')
        told.push([(event.error as Error).message, event.tenant, event.scope, event.servedUntilMs])
      },
    })
    const endMs = clock.now() + 60 * MINUTE_MS
    await clock.advance(30 * MINUTE_MS)
    assert.equal(await name(), 'token-1')
    await (await request(2)).fail(down())
    assert.deepEqual(told, [['The authority is down', T, S, endMs - 10_000]])
    await clock.advance(23_999)
    assert.equal(await name(), 'token-1')
    assert.equal(asked.length, 2)
    await clock.advance(1)
    assert.equal(await name(), 'token-1')
    await (await request(3)).fail(down(45 * MINUTE_MS))
    await clock.advance(endMs - 10_001 - clock.now())
    assert.equal(await name(), 'token-1')
    await clock.advance(1)
    await assert.rejects(keeper.token(T, S, undefined), { code: 'http_503' })
    assert.equal(asked.length, 3)
  })

  it('on, whatever the listener to its failures throws', async () => {
    const { clock, request, name } = await warm({
      tell: tellAll([
        () => {
          throw new Error('the listener is broken')
        },
      ]),
    })
    await clock.advance(30 * MINUTE_MS)
    await name()
    await (await request(2)).fail(down())
    assert.equal(await name(), 'token-1')
  })
})

describe('TokenKeeper after a refusal by an API', () => {
  it('renews once for all who sent the same token', async () => {
    const { keeper, asked, request } = await warm()
    const callers = Array.from({ length: 5 }, () => keeper.tokenAfterRefusal(T, S, 'token-1', {}))
    await (await request(2)).grant()
    for (const { token } of await Promise.all(callers)) assert.equal(token, 'token-2')
    assert.equal((await keeper.tokenAfterRefusal(T, S, 'token-1', {})).token, 'token-2')
    assert.equal(asked.length, 2)
  })

  it('gives the same token when the new one is refused within 30 s, and renews after that', async () => {
    const { keeper, clock, asked, request } = await warm()
    const first = keeper.tokenAfterRefusal(T, S, 'token-1', {})
    await (await request(2)).grant()
    await first
    await clock.advance(29_999)
    assert.equal((await keeper.tokenAfterRefusal(T, S, 'token-2', {})).token, 'token-2')
    assert.equal(asked.length, 2)
    await clock.advance(1)
    const again = keeper.tokenAfterRefusal(T, S, 'token-2', {})
    await (await request(3)).grant()
    assert.equal((await again).token, 'token-3')
  })
})

describe('TokenKeeper past the cache', () => {
  it('gets another token by force, one for all who force it', async () => {
    const { keeper, asked, request, name } = await warm()
    const forced = [keeper.freshToken(T, S, {}), keeper.freshToken(T, S, {})]
    assert.equal(await name(), 'token-1')
    await (await request(2)).grant()
    for (const { token } of await Promise.all(forced)) assert.equal(token, 'token-2')
    assert.equal(await name(), 'token-2')
    assert.equal(asked.length, 2)
  })

  it('answers each challenge once, and others get its token when it has landed', async () => {
    const { keeper, asked, request, name } = await warm()
    const claims = ['{"a":1}', '{"b":2}', '{"a":1}', '{"b":2}']
    const challenged = claims.map((each) => keeper.freshToken(T, S, { claims: each }))
    await settled()
    assert.deepEqual(
      asked.map((each) => each.claims),
      [undefined, '{"a":1}', '{"b":2}'],
    )
    assert.equal(await name(), 'token-1')
    await (await request(2)).grant()
    await (await request(3)).grant()
    const tokens = (await Promise.all(challenged)).map(({ token }) => token)
    assert.deepEqual(tokens, ['token-2', 'token-3', 'token-2', 'token-3'])
    assert.equal(await name(), 'token-3')
  })

  it('keeps the answer to a challenge when an earlier request without claims lands after it', async () => {
    const { keeper, request, name } = await warm()
    const forced = keeper.freshToken(T, S, {})
    const challenged = keeper.freshToken(T, S, { claims: '{}' })
    await (await request(3)).grant()
    await (await request(2)).grant()
    assert.deepEqual([(await forced).token, (await challenged).token], ['token-2', 'token-3'])
    assert.equal(await name(), 'token-3')
  })
})

describe('TokenKeeper keeps a token warm', () => {
  it('without anybody asking, until it is stopped', async () => {
    const { keeper, clock, asked, request } = keeperAtHand()
    const stop = new AbortController()
    const done = keeper.keepWarm(T, S, stop.signal)
    await (await request(1)).grant()
    await clock.advance(30 * MINUTE_MS - 1)
    assert.equal(asked.length, 1)
    await clock.advance(1)
    await (await request(2)).grant()
    await clock.advance(30 * MINUTE_MS)
    assert.equal(asked.length, 3)
    await (await request(3)).grant()
    stop.abort()
    await done
    assert.deepEqual(clock.sleepers(), [])
  })

  it('through failures, which it tells, and never rejects', async () => {
    const told: unknown[] = []
    const { keeper, clock, request } = keeperAtHand({
      tell: (event) => told.push('error' in event && event.error),
    })
    const stop = new AbortController()
    const done = keeper.keepWarm(T, S, stop.signal)
    const fault = new CredentialError('The secret has expired', { code: 'invalid_client' })
    await (await request(1)).fail(fault)
    assert.deepEqual([told, clock.sleepers()], [[fault], [24_000]])
    await clock.advance(24_000)
    await (await request(2)).grant()
    await clock.advance(30 * MINUTE_MS)
    await (await request(3)).fail(fault)
    assert.deepEqual([told, clock.sleepers()], [[fault, fault], [24_000]])
    await clock.advance(24_000)
    stop.abort()
    await (await request(4)).fail(fault)
    await done
  })
})
