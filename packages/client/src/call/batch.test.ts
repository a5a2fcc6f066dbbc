import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CLIENT, TENANT } from '../test-support.ts'
import { busy, eachItem, get, itemsOf, numbered, post } from './batch-test-support.ts'
import { scriptedApi } from './test-support.ts'

const malformed = (found: string) => ({
  name: 'ProtocolError',
  code: 'batch_malformed',
  message: `Cannot read the batch's answer, as each request needs one response: found ${found}`,
})

describe('Api.batch', () => {
  it('sends items with ids, and a type for a body, and returns the answers in order', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: 200, headers: { 'X-Unit': 5 }, body: { url } })),
    )
    const answers = await orders.batch([get('/a'), post('/b'), { method: 'DELETE', url: '/c' }])
    assert.deepEqual(
      answers,
      ['/a', '/b', '/c'].map((url) => ({ status: 200, headers: { 'x-unit': '5' }, body: { url } })),
    )
    assert.equal(calls[0]?.method, 'POST')
    assert.equal(calls[0].path, '/v1/$batch')
    assert.deepEqual(itemsOf(calls[0]), [
      { id: '0', method: 'GET', url: '/a' },
      {
        id: '1',
        method: 'POST',
        url: '/b',
        headers: { 'Content-Type': 'application/json' },
        body: { url: '/b' },
      },
      { id: '2', method: 'DELETE', url: '/c' },
    ])
  })

  it('cuts requests into envelopes of twenty', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: 200, body: url })),
    )
    const answers = await orders.batch(numbered(45))
    assert.deepEqual(
      answers.map(({ body }) => body),
      numbered(45).map(({ url }) => url),
    )
    assert.deepEqual(
      calls.map((call) => itemsOf(call).length),
      [20, 20, 5],
    )
  })

  it('sends nothing for no requests', async (t) => {
    const { orders, server } = await scriptedApi(t, () => ({ body: {} }))
    assert.deepEqual(await orders.batch([]), [])
    assert.deepEqual(server.received, [])
  })

  it('returns refusals of items, which are the business of the caller', async (t) => {
    const { orders } = await scriptedApi(
      t,
      eachItem(({ id }) => ({ status: 400 + Number(id) })),
    )
    const answers = await orders.batch([get('/a'), get('/b')])
    assert.deepEqual(answers, [
      { status: 400, headers: {}, body: undefined },
      { status: 401, headers: {}, body: undefined },
    ])
  })

  it('sends throttled items alone again, after the longest Retry-After', async (t) => {
    const { orders, calls, clock } = await scriptedApi(
      t,
      eachItem(({ url }, envelope) => {
        if (envelope === 1 && url !== '/b') return busy(url === '/a' ? '7' : '3')
        return { status: 200, body: [url, envelope] }
      }),
    )
    const answers = await orders.batch([get('/a'), get('/b'), post('/c')])
    assert.deepEqual(
      answers.map(({ body }) => body),
      [
        ['/a', 2],
        ['/b', 1],
        ['/c', 2],
      ],
    )
    assert.deepEqual(clock.slept, [7000])
    assert.deepEqual(
      calls.map((call) => itemsOf(call).map(({ id, url }) => id + url)),
      [
        ['0/a', '1/b', '2/c'],
        ['0/a', '2/c'],
      ],
    )
    assert.equal(orders.retries, 1)
  })

  it('sends however many items again that were throttled without a named wait', async (t) => {
    const seen = new Set<string>()
    const { orders } = await scriptedApi(
      t,
      eachItem(({ url }) => {
        if (seen.has(url)) return { status: 200, body: url }
        seen.add(url)
        return busy()
      }),
    )
    const answers = await orders.batch(numbered(200))
    assert.deepEqual(
      answers.map(({ body }) => body),
      numbered(200).map(({ url }) => url),
    )
  })

  it('gives up on an item that is throttled six times', async (t) => {
    const { orders, calls, clock } = await scriptedApi(
      t,
      eachItem(({ url }) => (url === '/b' ? busy() : { status: 200 })),
    )
    await assert.rejects(orders.batch([get('/a'), get('/b')]), {
      name: 'ApiError',
      code: 'TooManyRequests',
      message: 'Cannot GET /b: status 429, TooManyRequests: Later.',
      status: 429,
    })
    assert.equal(calls.length, 6)
    // Each back-off of its own, and after it what the pace of the API is still quiet for.
    assert.deepEqual(clock.slept, [250, 750, 500, 1500, 1000, 3000, 2000, 6000, 4000, 12_000])
  })

  it('gives up on an item that is asked to wait more than five minutes', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(() => busy('301')),
    )
    await assert.rejects(orders.batch([get('/a')]), { name: 'ApiError', status: 429 })
    assert.equal(calls.length, 1)
  })

  it('repeats 503 of an item where that does no harm', async (t) => {
    const { orders, clock } = await scriptedApi(
      t,
      eachItem((_, envelope) => ({ status: envelope === 1 ? 503 : 200 })),
    )
    const [answer] = await orders.batch([{ method: 'DELETE', url: '/a' }])
    assert.equal(answer?.status, 200)
    assert.deepEqual(clock.slept, [250])
  })

  for (const method of ['POST', 'PATCH'] as const) {
    it(`throws 503 of ${method}, which may have been done`, async (t) => {
      const { orders, calls } = await scriptedApi(
        t,
        eachItem(() => ({ status: 503, headers: { 'retry-after': '1', 'request-id': 'r1' }, body: 'down' })),
      )
      await assert.rejects(orders.batch([{ method, url: '/a?name=anna', body: {} }]), {
        name: 'ApiError',
        code: 'http_503',
        message: `Cannot ${method} /a: status 503, http_503: no message`,
        status: 503,
        requestId: 'r1',
        body: 'down',
      })
      assert.equal(calls.length, 1)
    })
  }

  it('throws 500 of any item', async (t) => {
    const { orders } = await scriptedApi(
      t,
      eachItem(() => ({ status: 500 })),
    )
    await assert.rejects(orders.batch([get('/a')]), {
      name: 'ApiError',
      message: 'Cannot GET /a: status 500, http_500: no message',
    })
  })

  it('throws 403 of an item and names the permission', async (t) => {
    const error = { code: 'Authorization_RequestDenied', message: 'Insufficient privileges.' }
    const { orders, calls, origin, clock } = await scriptedApi(
      t,
      eachItem(({ url }) => (url === '/b' ? { status: 403, body: { error } } : busy('1'))),
      { permissions: ['Orders.Write'] },
    )
    await assert.rejects(orders.batch([get('/a'), post('/b')]), {
      name: 'PermissionError',
      code: 'Authorization_RequestDenied',
      message: 'Cannot POST /b: status 403, Authorization_RequestDenied: Insufficient privileges.',
      hint:
        `Application '${CLIENT}' has no consent for the application permission Orders.Write in tenant '${TENANT}': ` +
        `an administrator of that tenant has to grant it, at ${origin}/${TENANT}/adminconsent?client_id=${CLIENT}`,
    })
    assert.deepEqual([calls.length, clock.slept], [1, []])
  })

  it('does not repeat an envelope that failed as a whole and may have been done', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ status: 503, body: 'down' }))
    await assert.rejects(orders.batch([post('/a')]), {
      name: 'ApiError',
      message: 'Cannot POST /v1/$batch: status 503, http_503: no message',
    })
    assert.equal(calls.length, 1)
  })
})

describe('Api.batch refuses', () => {
  const ok = (id: unknown) => ({ id, status: 200 })
  const bodies: readonly (readonly [found: string, responses: unknown])[] = [
    ['no answer to the request with id 1', [ok('0')]],
    ['no answer to the request with id 0', []],
    ['no answer to the request with id 1', [ok('0'), ok('2')]],
    ['two answers to the request with id 0', [ok('0'), ok('0'), ok('1')]],
    ['no "responses" list', undefined],
    ['no "responses" list', { 0: ok('0'), 1: ok('1') }],
    ['an answer that is no object', ['200', '200']],
    ['an answer that is no object', [null]],
    ['an answer without "id" or "status"', [ok(0), ok(1)]],
    ['an answer without "id" or "status"', [{ id: '0' }, ok('1')]],
    ['an answer without "id" or "status"', [{ id: '0', status: '200' }, ok('1')]],
  ]
  for (const [found, responses] of bodies) {
    it(`${JSON.stringify(responses)}`, async (t) => {
      const { orders } = await scriptedApi(t, () => ({ body: { responses } }))
      await assert.rejects(orders.batch([get('/a'), get('/b')]), malformed(found))
    })
  }

  it('an answer without a body', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ body: '' }))
    await assert.rejects(orders.batch([get('/a')]), malformed('no "responses" list'))
  })
})
