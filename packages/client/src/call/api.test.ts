import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { CLIENT, identityAt, isTokenRequest, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'
import { api } from './api.ts'
import { SCOPE, scriptedApi } from './test-support.ts'

describe('Api sends', () => {
  const methods = [
    ['get', 'GET', undefined],
    ['post', 'POST', { name: 'é' }],
    ['patch', 'PATCH', { name: 'é' }],
    ['put', 'PUT', { name: 'é' }],
    ['delete', 'DELETE', undefined],
  ] as const
  for (const [name, method, body] of methods) {
    it(`${method} with the token and returns the answer's JSON`, async (t) => {
      const { orders, calls } = await scriptedApi(t, () => ({ body: { id: 1 } }))
      const path = '/orders?$filter=a%20eq%20%27b%27'
      const answer =
        name === 'get' || name === 'delete' ? await orders[name](path) : await orders[name](path, body ?? {})
      assert.deepEqual(answer, { id: 1 })
      const [sent] = calls
      assert.equal(sent?.method, method)
      assert.equal(sent.path, '/v1/orders?$filter=a%20eq%20%27b%27')
      assert.equal(sent.headers.authorization, 'Bearer token-1')
      assert.equal(sent.headers.accept, 'application/json')
      assert.match(String(sent.headers['client-request-id']), /^[0-9a-f-]{36}$/)
      assert.equal(sent.headers['content-type'], body && 'application/json')
      assert.equal(sent.body, body ? '{"name":"é"}' : '')
      assert.equal(orders.requests, 1)
      assert.equal(orders.retries, 0)
    })
  }

  it('a header of the caller in place of its own, once and whatever its case, but never another token', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ body: {} }))
    const headers = {
      ConsistencyLevel: 'eventual',
      Accept: 'text/plain',
      'Content-Type': 'application/merge-patch+json',
      Authorization: 'Bearer mine',
    }
    await orders.patch('/orders/1', {}, { headers })
    const sent = calls[0]?.headers ?? {}
    assert.equal(sent['consistencylevel'], 'eventual')
    assert.equal(sent.accept, 'text/plain')
    assert.equal(sent['content-type'], 'application/merge-patch+json')
    assert.equal(sent.authorization, 'Bearer token-1')
    const names = calls[0]?.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    assert.equal(names?.length, new Set(names).size)
  })

  it('one token for many calls', async (t) => {
    const { orders, identity } = await scriptedApi(t, () => ({ body: {} }))
    await Promise.all([orders.get('/a'), orders.get('/b'), orders.get('/c')])
    assert.equal(identity.tokenRequests, 1)
    assert.equal(orders.requests, 3)
  })
})

describe('Api reads', () => {
  it('204 and an empty 200 as nothing', async (t) => {
    const { orders } = await scriptedApi(t, (_, number) =>
      number === 1 ? (response) => response.writeHead(204).end() : { body: '' },
    )
    assert.equal(await orders.delete('/orders/1'), undefined)
    assert.equal(await orders.get('/orders/1'), undefined)
  })

  it('201 and 202 as success', async (t) => {
    const { orders } = await scriptedApi(t, (_, number) => ({ status: 200 + number, body: { number } }))
    assert.deepEqual(await orders.post('/orders', {}), { number: 1 })
    assert.deepEqual(await orders.post('/orders', {}), { number: 2 })
  })

  it('no answer that is not JSON, and repeats none of it', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ body: '<html>é</html>' }))
    await assert.rejects(orders.get('/orders?name=anna'), {
      name: 'ProtocolError',
      code: 'answer_malformed',
      message: 'Cannot read the answer to GET /v1/orders, as it must be JSON: status 200, 14 characters',
    })
  })
})

describe('Api turns', () => {
  it('a refusal into an ApiError with its code, status, request id and body', async (t) => {
    const body = { error: { code: 'Request_ResourceNotFound', message: 'Not here.' } }
    const { orders } = await scriptedApi(t, () => ({ status: 404, headers: { 'request-id': 'r1' }, body }))
    await assert.rejects(orders.get('/orders/1?name=anna'), {
      name: 'ApiError',
      code: 'Request_ResourceNotFound',
      message: 'Cannot GET /v1/orders/1: status 404, Request_ResourceNotFound: Not here.',
      status: 404,
      requestId: 'r1',
      body,
    })
  })

  it('a refusal without JSON into an ApiError with the first thousand characters', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ status: 500, body: 'x'.repeat(5000) }))
    await assert.rejects(orders.get('/orders'), {
      name: 'ApiError',
      code: 'http_500',
      message: 'Cannot GET /v1/orders: status 500, http_500: no message',
      status: 500,
      requestId: undefined,
      body: 'x'.repeat(1000),
    })
  })

  const consent = (origin: string, permission: string) =>
    `Application '${CLIENT}' has no consent for ${permission} in tenant '${TENANT}': ` +
    `an administrator of that tenant has to grant it, at ${origin}/${TENANT}/adminconsent?client_id=${CLIENT}`
  const denied = { error: { code: 'Authorization_RequestDenied', message: 'Insufficient privileges.' } }

  for (const [permissions, named] of [
    [['Orders.Read.All'], 'the application permission Orders.Read.All'],
    [['Orders.Read.All', 'Orders.Write'], 'the application permission Orders.Read.All, Orders.Write'],
    [[], 'the application permission that this call needs'],
    [undefined, 'the application permission that this call needs'],
  ] as const) {
    it(`403 into a PermissionError that names ${named}, tenant and consent address`, async (t) => {
      const { orders, calls, origin } = await scriptedApi(t, () => ({ status: 403, body: denied }), {
        permissions,
      })
      await assert.rejects(orders.post('/orders', {}), {
        name: 'PermissionError',
        code: 'Authorization_RequestDenied',
        message: 'Cannot POST /v1/orders: status 403, Authorization_RequestDenied: Insufficient privileges.',
        hint: consent(origin, named),
      })
      assert.equal(calls.length, 1)
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`redirect ${status} into an error instead of following it`, async (t) => {
      const elsewhere = await scriptedServer(t, () => ({ body: {} }))
      const { orders, calls } = await scriptedApi(t, () => ({
        status,
        headers: { location: `${elsewhere.origin}/v1/orders` },
      }))
      await assert.rejects(orders.get('/orders'), {
        name: 'ApiError',
        code: `http_${status}`,
        message: `Cannot GET /v1/orders: status ${status}, http_${status}: no message`,
      })
      assert.equal(calls.length, 1)
      assert.deepEqual(elsewhere.received, [])
    })
  }
})

describe('Api keeps the token at home', () => {
  const foreign = [
    ['https://evil.example/orders', 'https://evil.example'],
    ['HTTPS://EVIL.example', 'https://evil.example'],
    ['//evil.example/orders', 'https://evil.example'],
    ['https://localhost/v1/orders', 'https://localhost'],
    ['https://user@evil.example', 'https://evil.example'],
  ] as const
  for (const [path, origin] of foreign) {
    it(`and sends nothing to '${path}'`, async (t) => {
      const { orders, server, origin: own } = await scriptedApi(t, () => ({ body: {} }))
      await assert.rejects(orders.get(path), {
        name: 'ProtocolError',
        code: 'foreign_origin',
        message: `Cannot call ${origin}, as the token may only be sent to ${own}`,
        hint: 'Make another api() for that origin, with a scope of its own',
      })
      assert.deepEqual(server.received, [])
    })
  }

  it('and sends nothing in the clear', async (t) => {
    const { orders, server, origin } = await scriptedApi(t, () => ({ body: {} }))
    const clear = origin.replace('https:', 'http:')
    await assert.rejects(orders.get(`${clear}/v1/orders`), {
      code: 'foreign_origin',
      message: `Cannot call ${clear}, as the token may only be sent to ${origin}`,
    })
    assert.deepEqual(server.received, [])
  })

  for (const path of ['../admin', '/../admin', 'orders/../../admin', '/%2e%2e/admin', '/..\\admin']) {
    it(`and below its base URL, which '${path}' would leave`, async (t) => {
      const { orders, server, origin } = await scriptedApi(t, () => ({ body: {} }))
      await assert.rejects(orders.get(path), {
        name: 'ProtocolError',
        code: 'path_outside',
        message: `Cannot call /admin, as every path must be below ${origin}/v1/`,
        hint: 'Encode what goes into a path with encodeURIComponent',
      })
      assert.deepEqual(server.received, [])
    })
  }

  for (const path of ['https://[', 'https://', 'nonsense:']) {
    it(`and refuses '${path}', which is no address`, async (t) => {
      const { orders, server, origin } = await scriptedApi(t, () => ({ body: {} }))
      await assert.rejects(orders.get(path), {
        name: 'ProtocolError',
        code: 'foreign_origin',
        message: `Cannot call what is no web address, as the token may only be sent to ${origin}`,
      })
      assert.deepEqual(server.received, [])
    })
  }

  it('and takes a whole address of its own origin as it is', async (t) => {
    const { orders, calls, origin } = await scriptedApi(t, () => ({ body: {} }))
    await orders.get(`${origin}/beta/orders?$skiptoken=a%2Fb`)
    await orders.get('orders')
    await orders.get('/@evil.example')
    assert.deepEqual(
      calls.map(({ path }) => path),
      ['/beta/orders?$skiptoken=a%2Fb', '/v1/orders', '/v1/@evil.example'],
    )
  })

  it('and out of every error', async (t) => {
    const secret = crypto.randomUUID()
    const server = await scriptedServer(t, (request) =>
      isTokenRequest(request) ? tokenAnswer(secret) : (response) => response.socket?.destroy(),
    )
    const { origin: baseUrl, ca } = server
    const orders = api(identityAt(server), { baseUrl, scope: SCOPE, ca })
    const error: unknown = await orders.get('/orders').catch((caught: unknown) => caught)
    assert.ok(error instanceof Error)
    assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(secret))
  })
})

describe('api', () => {
  for (const [given, expected] of [
    ['https://orders.example', 'https://orders.example/'],
    ['https://orders.example/v1', 'https://orders.example/v1/'],
    ['https://Orders.Example/v1/', 'https://orders.example/v1/'],
  ] as const) {
    it(`takes '${given}' as a base URL`, async (t) => {
      const identity = identityAt(await scriptedServer(t, () => ({})))
      assert.equal(api(identity, { baseUrl: given, scope: SCOPE }).baseUrl, expected)
    })
  }

  for (const [given, found] of [
    ['', ''],
    ['orders.example', 'orders.example'],
    ['http://orders.example', 'http://orders.example'],
    ['https://orders.example?a=b', 'https://orders.example?a=b'],
    ['https://orders.example/?', 'https://orders.example/?'],
    ['https://orders.example/#a', 'https://orders.example/#a'],
    ['https://someone:word@orders.example', 'https://…@orders.example'],
    ['https://:word@orders.example', 'https://…@orders.example'],
  ] as const) {
    it(`refuses '${given}' as a base URL, and repeats no password`, async (t) => {
      const identity = identityAt(await scriptedServer(t, () => ({})))
      assert.throws(() => api(identity, { baseUrl: given, scope: SCOPE }), {
        name: 'ConfigurationError',
        code: 'base_url_invalid',
        message: `Cannot use the base URL, as it must be an https:// URL without a query: found '${found}'`,
        hint: 'Set it to the root of the API, for example https://graph.microsoft.com/v1.0',
      })
    })
  }

  it('refuses a scope that client credentials cannot ask for', async (t) => {
    const identity = identityAt(await scriptedServer(t, () => ({})))
    assert.throws(() => api(identity, { baseUrl: 'https://orders.example', scope: 'Orders.Read' }), {
      name: 'ConfigurationError',
      code: 'scope_invalid',
    })
  })
})
