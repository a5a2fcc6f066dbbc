import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { api } from '../call/api.ts'
import type { IdentityEvent } from '../events.ts'
import { scriptedServer } from '../test-support.ts'
import { settled, virtualClock } from '../token/test-support.ts'
import {
  deadOrigin,
  identityAnswer,
  identityOn,
  imdsAt,
  inAnHour,
  plainServer,
  USER_ASSIGNED,
  VAULT,
} from './test-support.ts'

const GRAPH = 'https://graph.microsoft.com/.default'

/** A metadata service that numbers its tokens, after the statuses given. */
async function machine(t: Parameters<typeof plainServer>[0], statuses: readonly number[] = [], options = {}) {
  const host = await plainServer(t, (_, number) => {
    const status = statuses[number - 1]
    const token = number - statuses.length
    return status === undefined ? identityAnswer(`token-${token}`, inAnHour(clock)) : { status, body: 'no' }
  })
  const { identity, clock } = identityOn(imdsAt(host.origin), options)
  return { identity, clock, host }
}

describe('ManagedIdentity', () => {
  it('keeps one token for each resource, and one request serves all who wait', async (t) => {
    const { identity } = await machine(t)
    const tokens = await Promise.all(Array.from({ length: 20 }, () => identity.getToken(VAULT)))
    assert.deepEqual(new Set(tokens.map(({ token }) => token)), new Set(['token-1']))
    assert.equal((await identity.getToken([GRAPH])).token, 'token-2')
    assert.equal((await identity.tokenSource(VAULT).token()).token, 'token-1')
    assert.equal(identity.tokenRequests, 2)
  })

  it('asks anew once the token has expired, by force, and after it was forgotten', async (t) => {
    const { identity, clock } = await machine(t)
    await identity.getToken(VAULT)
    clock.pass(3_600_000)
    assert.equal((await identity.getToken(VAULT)).token, 'token-2')
    assert.equal((await identity.getToken(VAULT, { forceRefresh: true })).token, 'token-3')
    assert.equal((await identity.getToken(VAULT, { forceRefresh: false })).token, 'token-3')
    identity.forgetTokens()
    assert.equal((await identity.getToken(VAULT)).token, 'token-4')
  })

  it('has one tenant, whatever the challenge of a vault names', async (t) => {
    const { identity } = await machine(t)
    await identity.getToken(VAULT)
    assert.equal((await identity.getToken(VAULT, { tenantId: 'fabrikam.example' })).token, 'token-1')
    assert.equal(identity.authority, undefined)
    assert.equal(identity.clientId, undefined)
  })

  it('asks for the resource of the scope, with its second slash', async (t) => {
    const { identity, host } = await machine(t)
    await identity.getToken('https://database.windows.net//.default')
    const query = new URLSearchParams(host.received[0]?.path.split('?')[1])
    assert.equal(query.get('resource'), 'https://database.windows.net/')
    await assert.rejects(identity.getToken('https://vault.azure.net'), { code: 'scope_invalid' })
    assert.throws(() => identity.tokenSource('User.Read'), { code: 'scope_invalid' })
    assert.equal(host.received.length, 1)
  })

  it('waits through what passes by itself', async (t) => {
    const { identity, clock, host } = await machine(t, [404, 429, 500, 503, 410])
    assert.equal((await identity.getToken(VAULT)).token, 'token-1')
    assert.equal(host.received.length, 6)
    assert.deepEqual(clock.slept, [1000, 250, 500, 1000, 10_000])
  })

  it('outlasts an update of 70 s, which answers 410, unless the caller has less time', async (t) => {
    const { identity, clock } = await machine(t, Array<number>(7).fill(410))
    assert.equal((await identity.getToken(VAULT)).token, 'token-1')
    assert.equal(
      clock.slept.reduce((sum, ms) => sum + ms),
      70_000,
    )
    const short = await machine(t, Array<number>(7).fill(410))
    await assert.rejects(short.identity.getToken(VAULT, { timeoutMs: 15_000 }), {
      name: 'UnavailableError',
      code: 'http_410',
    })
    assert.equal(short.host.received.length, 2)
  })

  it('does not ask again what was refused for good, and finds out anew the next time', async (t) => {
    const { identity, host } = await machine(t, [400])
    await assert.rejects(identity.getToken(VAULT), { name: 'ConfigurationError', code: 'http_400' })
    assert.equal(host.received.length, 1)
    assert.equal((await identity.getToken(VAULT)).token, 'token-1')
  })

  it('follows no redirect, as the metadata header would go along', async (t) => {
    const other = await plainServer(t, () => identityAnswer('stolen', '1'))
    const { origin } = await plainServer(t, () => ({ status: 307, headers: { location: other.origin } }))
    await assert.rejects(identityOn(imdsAt(origin)).identity.getToken(VAULT), { code: 'http_307' })
    assert.deepEqual(other.received, [])
  })

  it('tries a host that is named to the end of the wait', async () => {
    const origin = await deadOrigin()
    const { identity, clock } = identityOn(imdsAt(origin))
    await assert.rejects(identity.getToken(VAULT), {
      name: 'UnavailableError',
      code: 'identity_endpoint_unreachable',
      message: `Cannot get a managed identity's token, as the instance metadata service must be reachable at ${origin}: connect ECONNREFUSED ${origin.slice(7)}`,
      hint: `Check that something listens at ${origin}`,
    })
    assert.ok(clock.slept.length > 10)
  })

  it('tells of tokens and refusals, and of no token itself', async (t) => {
    const events: IdentityEvent[] = []
    const { identity, host } = await machine(t, [500], {
      onEvent: (event: IdentityEvent) => events.push(event),
    })
    const { token } = await identity.getToken(VAULT)
    const told = events.map((event) =>
      event.type === 'token_obtained' || event.type === 'token_refused'
        ? [event.type, event.tenant, event.scope, event.endpoint]
        : [],
    )
    const endpoint = `${host.origin}/metadata/identity/oauth2/token`
    assert.deepEqual(told, [
      ['token_refused', 'managed_identity', VAULT, endpoint],
      ['token_obtained', 'managed_identity', VAULT, endpoint],
    ])
    assert.ok(!inspect(events, { depth: Infinity, showHidden: true }).includes(token))
  })

  it('calls an API, and renews a token that was refused', async (t) => {
    const { identity } = await machine(t)
    const { origin, ca, received } = await scriptedServer(t, ({ headers }) =>
      headers.authorization === 'Bearer token-2' ? { body: { state: 'open' } } : { status: 401 },
    )
    const orders = api(identity, { baseUrl: origin, scope: 'api://orders/.default', ca })
    assert.deepEqual(await orders.get('/orders/1'), { state: 'open' })
    assert.equal(received.length, 2)
  })

  it('keeps tokens warm until it is stopped', async (t) => {
    const obtained = Promise.withResolvers<string>()
    const onEvent = (event: IdentityEvent) => event.type === 'token_obtained' && obtained.resolve(event.scope)
    const { origin } = await plainServer(t, () => identityAnswer('a-token', inAnHour(clock)))
    const clock = virtualClock()
    const { identity } = identityOn(imdsAt(origin), { clock, onEvent })
    const stop = identity.keepWarm(VAULT)
    assert.equal(await obtained.promise, VAULT)
    await settled()
    assert.deepEqual(clock.sleepers(), [1_800_000])
    stop()
    assert.deepEqual(clock.sleepers(), [])
    assert.throws(() => identity.keepWarm('vault'), { code: 'scope_invalid' })
  })

  it('reads the environment at the first use, and again after one that could not be used', async (t) => {
    const { origin } = await plainServer(t, () => identityAnswer('a-token', inAnHour(clock)))
    const environment: Record<string, string> = { MSI_ENDPOINT: 'http://identity.example' }
    const { identity, clock } = identityOn(environment)
    await assert.rejects(identity.getToken(VAULT), { code: 'identity_endpoint_invalid' })
    environment['MSI_ENDPOINT'] = origin
    assert.equal((await identity.getToken(VAULT)).token, 'a-token')
  })
})

describe('ManagedIdentity after a claims challenge', () => {
  const claims = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'

  it('makes App Service pass by the token that was refused', async (t) => {
    const host = await plainServer(t, (_, number) => identityAnswer(`token-${number}`, inAnHour(clock)))
    const environment = {
      IDENTITY_ENDPOINT: `${host.origin}/msi/token`,
      IDENTITY_HEADER: crypto.randomUUID(),
    }
    const { identity, clock } = identityOn(environment)
    const { token } = await identity.getToken(VAULT)
    assert.equal((await identity.getToken(VAULT, { claims })).token, 'token-2')
    const [before, after] = host.received.map(({ path }) =>
      Object.fromEntries(new URLSearchParams(path.split('?')[1])),
    )
    assert.deepEqual(before, { 'api-version': '2019-08-01', resource: 'https://vault.azure.net' })
    assert.deepEqual(after, {
      'api-version': '2025-03-30',
      resource: 'https://vault.azure.net',
      xms_cc: 'cp1',
      token_sha256_to_refresh: createHash('sha256').update(token).digest('hex'),
    })
  })

  it('leaves the cache of App Service alone while nothing has been refused', async (t) => {
    const host = await plainServer(t, (_, number) => identityAnswer(`token-${number}`, inAnHour(clock)))
    const environment = { IDENTITY_ENDPOINT: host.origin, IDENTITY_HEADER: crypto.randomUUID() }
    const { identity, clock } = identityOn(environment)
    await identity.getToken(VAULT, { claims })
    await identity.getToken(VAULT, { forceRefresh: true })
    assert.equal(host.received.length, 2)
    assert.equal(host.received[0]?.path, host.received[1]?.path)
  })

  it('asks a virtual machine as ever, since it knows nothing of that', async (t) => {
    const { identity, host } = await machine(t)
    await identity.getToken(VAULT)
    assert.equal((await identity.getToken(VAULT, { claims })).token, 'token-2')
    assert.equal(host.received[0]?.path, host.received[1]?.path)
  })
})

describe('new ManagedIdentity', () => {
  for (const [selectors, found] of [
    [{ clientId: USER_ASSIGNED, objectId: 'x' }, `clientId '${USER_ASSIGNED}' and objectId 'x'`],
    [{ resourceId: ' ' }, "resourceId ' '"],
  ] as const) {
    it(`refuses ${found}`, () => {
      assert.throws(() => identityOn({}, selectors), {
        name: 'ConfigurationError',
        code: 'selector_invalid',
        message: `Cannot choose a managed identity, as one selector with a value is needed, or none: found ${found}`,
        hint: 'Keep the one that is sure, and leave the others undefined',
      })
    })
  }

  it('takes undefined for no selector, as configuration leaves it', () => {
    const { identity } = identityOn({}, { clientId: undefined, objectId: 'x' })
    assert.equal(identity.clientId, undefined)
  })
})
