import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Answer, CLIENT, isTokenRequest, scriptedServer, TENANT } from '../test-support.ts'
import { graph } from './graph.ts'
import { scriptedApi, tokenWith } from './test-support.ts'

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')
const NBF = { access_token: { nbf: { essential: true, value: '1790000000' } } }
const challenge = (elsewhere = 'https://evil.example'): Answer => ({
  status: 401,
  headers: {
    'www-authenticate': `Bearer realm="", authorization_uri="${elsewhere}/authorize", error="insufficient_claims", claims="${base64(NBF)}"`,
  },
  body: { error: { code: 'InvalidAuthenticationToken', message: 'Challenged.' } },
})

describe('Api after a claims challenge', () => {
  it('asks for one token with these claims and repeats the call, even POST', async (t) => {
    const { orders, calls, server, identity } = await scriptedApi(t, (_, number) =>
      number === 1 ? challenge() : { body: { number } },
    )
    assert.deepEqual(await orders.post('/orders', { a: 1 }), { number: 2 })
    const asked = server.received
      .filter(isTokenRequest)
      .map(({ body }) => new URLSearchParams(body).get('claims'))
    assert.deepEqual(asked, [
      null,
      JSON.stringify({ access_token: { ...NBF.access_token, xms_cc: { values: ['cp1'] } } }),
    ])
    assert.notEqual(calls[0]?.headers.authorization, calls[1]?.headers.authorization)
    await orders.get('/orders')
    assert.equal(calls[2]?.headers.authorization, calls[1]?.headers.authorization)
    assert.equal(identity.tokenRequests, 2)
  })

  it('gives up after one token, and asks nobody else for it', async (t) => {
    const elsewhere = await scriptedServer(t, () => ({ body: {} }))
    const { orders, calls, identity } = await scriptedApi(t, () => challenge(elsewhere.origin))
    await assert.rejects(orders.get('/orders'), {
      name: 'ApiError',
      code: 'InvalidAuthenticationToken',
      message: 'Cannot GET /v1/orders: status 401, InvalidAuthenticationToken: Challenged.',
      status: 401,
    })
    assert.deepEqual([calls.length, identity.tokenRequests], [2, 2])
    assert.deepEqual(elsewhere.received, [])
  })

  it('shares one token among all calls that were challenged together', async (t) => {
    const stale = new Set<string | undefined>()
    const { orders, identity } = await scriptedApi(t, ({ headers }) => {
      if (stale.size === 0) stale.add(headers.authorization)
      return stale.has(headers.authorization) ? challenge() : { body: {} }
    })
    await Promise.all(['/a', '/b', '/c', '/d'].map((path) => orders.get(path)))
    assert.equal(identity.tokenRequests, 2)
  })

  it('renews the token in the ordinary way when the challenge cannot be read', async (t) => {
    const { orders, server } = await scriptedApi(t, (_, number) =>
      number === 1
        ? { status: 401, headers: { 'www-authenticate': 'Bearer error="insufficient_claims", claims="?"' } }
        : { body: { number } },
    )
    assert.deepEqual(await orders.get('/orders'), { number: 2 })
    const asked = server.received
      .filter(isTokenRequest)
      .map(({ body }) => new URLSearchParams(body).get('claims'))
    assert.deepEqual(asked, [null, null])
  })
})

describe('Api that is denied', () => {
  const denied = { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges.' } }
  const hintOf = (origin: string, held: string, needed: string) =>
    `${held}Application '${CLIENT}' has no consent for ${needed} in tenant '${TENANT}': ` +
    `an administrator of that tenant has to grant it, at ${origin}/${TENANT}/adminconsent?client_id=${CLIENT}`

  it('names the roles that its token holds, those it needs and where to get them', async (t) => {
    const roles = ['Orders.Read', 'Stock.Read']
    const { orders, origin } = await scriptedApi(
      t,
      () => ({ status: 403, body: denied }),
      { permissions: ['Orders.Write'] },
      () => tokenWith(roles),
    )
    await assert.rejects(orders.post('/orders', {}), {
      name: 'PermissionError',
      code: 'Authorization_RequestDenied',
      hint: hintOf(
        origin,
        'The token holds Orders.Read, Stock.Read. ',
        'the application permission Orders.Write',
      ),
      rolesHeld: roles,
      rolesNeeded: ['Orders.Write'],
      consentUrl: `${origin}/${TENANT}/adminconsent?client_id=${CLIENT}`,
    })
  })

  it('says that there are no roles at all, and of many only the first', async (t) => {
    let roles: readonly string[] = []
    const hint = async () => {
      const { orders } = await scriptedApi(
        t,
        () => ({ status: 403, body: denied }),
        {},
        () => tokenWith(roles),
      )
      const error = await orders.get('/orders').catch((caught: unknown) => caught)
      return String((error as { readonly hint: string }).hint).split('. ')[0]
    }
    assert.equal(await hint(), 'The token holds no roles')
    roles = Array.from({ length: 25 }, (_, index) => `R${index}`)
    assert.equal(await hint(), `The token holds ${roles.slice(0, 20).join(', ')} and more`)
  })

  it('knows of Microsoft Graph what a route needs, in a call as in a batch', async (t) => {
    const { identity, origin, server } = await scriptedApi(t, ({ path }) =>
      path.endsWith('/$batch')
        ? { body: { responses: [{ id: '0', status: 403, body: denied }] } }
        : { status: 403, body: denied },
    )
    const directory = graph(identity, { baseUrl: `${origin}/v1.0`, ca: server.ca })
    const needed = { rolesNeeded: ['User.ReadWrite.All', 'Directory.ReadWrite.All'] }
    await assert.rejects(directory.patch('/users/1', {}), needed)
    await assert.rejects(directory.batch([{ method: 'PATCH', url: '/users/1', body: {} }]), needed)
    await assert.rejects(directory.get('/unheard-of'), { rolesNeeded: [] })
  })
})
