import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clientSecret } from '../credential/secret.ts'
import type { RenewalFailed } from '../events.ts'
import { identityAt, manualClock, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'
import { seeded, virtualClock } from '../token/test-support.ts'

const ORDERS = 'api://orders/.default'
const OTHER = '11111111-aaaa-4aaa-8aaa-000000000002'

/** An authority whose tokens say for which tenant and as how many they were made. */
const counting = (t: Parameters<typeof scriptedServer>[0]) =>
  scriptedServer(t, ({ path }, number) => tokenAnswer(`${path.split('/')[1]} ${number}`))

describe('AppIdentity.forTenant', () => {
  it('shares cache, credentials and count, and keeps tenants apart', async (t) => {
    const identity = identityAt(await counting(t))
    const other = identity.forTenant(OTHER.toUpperCase())
    assert.equal(other.authority.tenant, OTHER)
    assert.equal((await identity.getToken(ORDERS)).token, `${TENANT} 1`)
    assert.equal((await other.getToken(ORDERS)).token, `${OTHER} 2`)
    assert.equal((await identity.getToken(ORDERS, { tenantId: OTHER })).token, `${OTHER} 2`)
    assert.equal((await other.forTenant(TENANT).getToken(ORDERS)).token, `${TENANT} 1`)
    assert.equal((await other.tokenSource(ORDERS).token()).token, `${OTHER} 2`)
    assert.equal(identity.forTenant(OTHER), other)
    assert.equal(identity.forTenant(TENANT), identity)
    assert.deepEqual([identity.tokenRequests, other.tokenRequests], [2, 2])
  })

  it('refuses what can be no tenant', async (t) => {
    const identity = identityAt(await counting(t))
    const refused = { name: 'ConfigurationError', code: 'tenant_invalid' }
    assert.throws(() => identity.forTenant('common'), refused)
    await assert.rejects(identity.getToken(ORDERS, { tenantId: '../x' }), refused)
    assert.equal(identity.tokenRequests, 0)
  })

  it('never gives one tenant the token of another, whatever the order of the answers', async (t) => {
    const random = seeded(7)
    const held: (() => void)[] = []
    const server = await scriptedServer(t, ({ path }, number) => (response) => {
      const body = { token_type: 'Bearer', expires_in: 3599, access_token: `${path.split('/')[1]} ${number}` }
      const release = () => void response.end(JSON.stringify(body))
      held.push(release)
      // Answers leave in an order of their own, each once, when some have come together.
      while (held.length > random() * 6) held.splice(Math.floor(random() * held.length), 1)[0]?.()
    })
    const identity = identityAt(server)
    const calls = Array.from({ length: 200 }, async () => {
      const tenant = random() < 0.5 ? TENANT : OTHER
      const forceRefresh = random() < 0.3
      const claims = random() < 0.3 ? `{"n":${Math.floor(random() * 5)}}` : undefined
      const { token } = await identity.forTenant(tenant).getToken(ORDERS, { forceRefresh, claims })
      assert.equal(token.split(' ')[0], tenant)
    })
    const all = Promise.all(calls).then(() => true)
    const tick = () => new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))
    while (!(await Promise.race([all, tick()]))) if (random() < 0.1) held.shift()?.()
    assert.ok(server.received.length > 5)
  })
})

describe('AppIdentity.getToken', () => {
  it('asks anew by force and for claims, and others get that token once it is there', async (t) => {
    const server = await counting(t)
    const identity = identityAt(server)
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'
    const get = async (options?: object) => (await identity.getToken(ORDERS, options)).token
    assert.equal(await get(), `${TENANT} 1`)
    assert.equal(await get({ forceRefresh: false }), `${TENANT} 1`)
    assert.equal(await get({ forceRefresh: true }), `${TENANT} 2`)
    assert.equal(await get(), `${TENANT} 2`)
    assert.equal(await get({ claims }), `${TENANT} 3`)
    assert.equal(await get(), `${TENANT} 3`)
    const sent = server.received.map(({ body }) => new URLSearchParams(body).get('claims'))
    assert.deepEqual(sent, [null, null, claims])
  })

  it('ends a wait by signal or time limit', async (t) => {
    const identity = identityAt(await scriptedServer(t, () => () => {}), { timeoutMs: 500 })
    const reason = new Error('stopped')
    const abortSignal = AbortSignal.abort(reason)
    await assert.rejects(identity.getToken(ORDERS, { abortSignal }), reason)
    await assert.rejects(identity.getToken(ORDERS, { timeoutMs: 1 }), { code: 'token_timeout' })
  })

  it('goes on to the next credential of a list', async (t) => {
    const [old, current] = [crypto.randomUUID(), crypto.randomUUID()]
    const server = await scriptedServer(t, ({ body }) =>
      new URLSearchParams(body).get('client_secret') === current
        ? tokenAnswer('a')
        : { status: 401, body: { error: 'invalid_client', error_codes: [7000222] } },
    )
    const identity = identityAt(server, { credential: [clientSecret(old), clientSecret(current)] })
    assert.equal((await identity.getToken(ORDERS)).token, 'a')
    assert.equal(identity.tokenRequests, 2)
  })
})

describe('AppIdentity', () => {
  it('forgets the tokens of its tenant and of no other', async (t) => {
    const identity = identityAt(await counting(t))
    const other = identity.forTenant(OTHER)
    await identity.getToken(ORDERS)
    await other.getToken(ORDERS)
    identity.forgetTokens()
    assert.equal((await other.getToken(ORDERS)).token, `${OTHER} 2`)
    assert.equal((await identity.getToken(ORDERS)).token, `${TENANT} 3`)
  })

  it('tells of a renewal that failed and serves the old token', async (t) => {
    const { promise, resolve } = Promise.withResolvers<RenewalFailed>()
    const server = await scriptedServer(t, (_, number) =>
      number === 1 ? tokenAnswer('a') : { status: 503, body: 'down' },
    )
    const clock = manualClock()
    const startMs = clock.now()
    const identity = identityAt(server, {
      clock,
      onEvent: (event) => event.type === 'renewal_failed' && resolve(event),
    })
    await identity.getToken(ORDERS)
    clock.pass(1_800_000)
    assert.equal((await identity.getToken(ORDERS)).token, 'a')
    const { tenant, scope, error, servedUntilMs } = await promise
    assert.deepEqual([tenant, scope, servedUntilMs], [TENANT, ORDERS, startMs + 3_589_000])
    assert.equal((error as { code?: string }).code, 'http_503')
  })

  it('keeps tokens warm until it is stopped', async (t) => {
    let waiting = Promise.withResolvers<number>()
    const server = await counting(t)
    const virtual = virtualClock()
    const sleep = (ms: number, signal?: AbortSignal) => {
      const slept = virtual.sleep(ms, signal)
      waiting.resolve(ms)
      return slept
    }
    const identity = identityAt(server, { clock: { ...virtual, sleep }, random: () => 0 })
    const stop = identity.keepWarm([ORDERS])
    const restMs = await waiting.promise
    waiting = Promise.withResolvers<number>()
    await virtual.advance(restMs)
    assert.equal(await waiting.promise, restMs)
    assert.equal(restMs, 1_799_500)
    assert.equal((await identity.getToken(ORDERS)).token, `${TENANT} 2`)
    stop()
    stop()
    assert.deepEqual(virtual.sleepers(), [])
    assert.throws(() => identity.keepWarm('orders'), { code: 'scope_invalid' })
  })
})

describe('AppIdentity at an authority whose certificate is not trusted', () => {
  it('asks once and says what to configure, since waiting changes nothing', async (t) => {
    const server = await scriptedServer(t, () => tokenAnswer('a-token'))
    const identity = identityAt(server, { ca: undefined })
    await assert.rejects(identity.getToken('api://orders/.default', { timeoutMs: 2_000 }), {
      name: 'ConfigurationError',
      code: 'authority_untrusted',
      hint: `Set NODE_EXTRA_CA_CERTS to the PEM file of the certificate authority that ${server.origin} uses, before the program starts`,
    })
    assert.equal(identity.tokenRequests, 1)
  })
})
