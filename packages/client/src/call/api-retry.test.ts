import assert from 'node:assert/strict'
import { getEventListeners, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { inspect } from 'node:util'
import { systemClock } from '../clock.ts'
import {
  type Answer,
  identityAt,
  isTokenRequest,
  manualClock,
  scriptedServer,
  tokenAnswer,
} from '../test-support.ts'
import { api } from './api.ts'
import { SCOPE, scriptedApi } from './test-support.ts'

const refusal = (status: number, retryAfter?: string): Answer => ({
  status,
  headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
  body: { error: { code: 'busy', message: 'Later.' } },
})

describe('Api after 401', () => {
  it('renews the token once and repeats the call with the new one', async (t) => {
    const { orders, calls, identity, clock } = await scriptedApi(t, (_, number) =>
      number === 1 ? refusal(401) : { body: { id: 1 } },
    )
    assert.deepEqual(await orders.post('/orders', { name: 'a' }), { id: 1 })
    const [first, second] = calls
    assert.notEqual(first?.headers.authorization, second?.headers.authorization)
    assert.equal(second?.body, '{"name":"a"}')
    assert.equal(calls.length, 2)
    assert.equal(identity.tokenRequests, 2)
    assert.deepEqual([orders.requests, orders.retries], [2, 1])
    assert.deepEqual(clock.slept, [])
  })

  it('gives up when the new token is refused too', async (t) => {
    const { orders, calls, identity } = await scriptedApi(t, () => refusal(401))
    await assert.rejects(orders.get('/orders'), {
      name: 'ApiError',
      code: 'busy',
      message: 'Cannot GET /v1/orders: status 401, busy: Later.',
      status: 401,
    })
    assert.equal(calls.length, 2)
    assert.equal(identity.tokenRequests, 2)
  })

  it('renews once for all calls that were refused with the same token', async (t) => {
    const stale = new Set<string | undefined>()
    const { orders, identity } = await scriptedApi(t, ({ headers }) => {
      if (stale.size === 0) stale.add(headers.authorization)
      return stale.has(headers.authorization) ? refusal(401) : { body: {} }
    })
    await Promise.all(['/a', '/b', '/c', '/d'].map((path) => orders.get(path)))
    assert.equal(identity.tokenRequests, 2)
  })

  it('says so when there is no new token', async (t) => {
    let tokens = 0
    const server = await scriptedServer(t, (request) => {
      if (!isTokenRequest(request)) return refusal(401)
      tokens += 1
      return tokens === 1 ? tokenAnswer('token-1') : { status: 503, body: 'down' }
    })
    const { origin: baseUrl, ca } = server
    const orders = api(identityAt(server, { clock: manualClock() }), { baseUrl, scope: SCOPE, ca })
    await assert.rejects(orders.get('/orders'), { name: 'UnavailableError', code: 'http_503' })
    assert.ok(tokens > 5, 'the authority is asked again until half a minute is over')
  })
})

describe('Api waits', () => {
  it('the seconds of Retry-After after 429, for any method', async (t) => {
    const { orders, calls, clock } = await scriptedApi(t, (_, number) =>
      number % 2 === 1 ? refusal(429, '7') : { body: { number } },
    )
    assert.deepEqual(await orders.get('/orders'), { number: 2 })
    assert.deepEqual(await orders.post('/orders', { name: 'a' }), { number: 4 })
    assert.deepEqual(await orders.patch('/orders', {}), { number: 6 })
    assert.deepEqual(clock.slept, [7000, 7000, 7000])
    assert.equal(calls[3]?.body, '{"name":"a"}')
    assert.deepEqual([orders.requests, orders.retries], [6, 3])
  })

  it('until the date of Retry-After', async (t) => {
    const { orders, clock } = await scriptedApi(t, (_, number) =>
      number === 1 ? refusal(503, new Date(clockStart + 30_000).toUTCString()) : { body: {} },
    )
    const clockStart = clock.now()
    await orders.get('/orders')
    assert.deepEqual(clock.slept, [30_000])
  })

  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    it(`and repeats ${method} after 502, 503 and 504`, async (t) => {
      const { orders, clock } = await scriptedApi(t, (_, number) =>
        number <= 3 ? refusal(501 + number) : { body: { number } },
      )
      assert.deepEqual(await orders.call(method, '/orders'), { number: 4 })
      assert.deepEqual(clock.slept, [250, 500, 1000])
    })
  }

  for (const method of ['POST', 'PATCH'] as const) {
    it(`not after 503 of ${method}, which may have been done`, async (t) => {
      const { orders, calls, clock } = await scriptedApi(t, () => refusal(503, '1'))
      await assert.rejects(orders.call(method, '/orders', {}), {
        name: 'ApiError',
        code: 'busy',
        message: `Cannot ${method} /v1/orders: status 503, busy: Later.`,
        status: 503,
      })
      assert.equal(calls.length, 1)
      assert.deepEqual(clock.slept, [])
    })
  }

  it('five times and gives up after the sixth attempt', async (t) => {
    const { orders, calls, clock } = await scriptedApi(t, () => refusal(429))
    await assert.rejects(orders.get('/orders'), {
      name: 'ApiError',
      code: 'busy',
      message: 'Cannot GET /v1/orders: status 429, busy: Later.',
    })
    assert.equal(calls.length, 6)
    // Each back-off of its own, and after it what the pace of the API is still quiet for.
    assert.deepEqual(clock.slept, [250, 750, 500, 1500, 1000, 3000, 2000, 6000, 4000, 12_000])
    assert.deepEqual([orders.requests, orders.retries], [6, 5])
  })

  it('not at all when asked for more than five minutes', async (t) => {
    const { orders, calls, clock } = await scriptedApi(t, () => refusal(429, '301'))
    await assert.rejects(orders.get('/orders'), { name: 'ApiError', status: 429 })
    assert.equal(calls.length, 1)
    assert.deepEqual(clock.slept, [])
  })

  it('with randomness of its own between half of the back-off and the whole', async (t) => {
    const { orders, clock } = await scriptedApi(
      t,
      (_, number) => (number <= 5 ? refusal(503) : { body: {} }),
      { random: undefined },
    )
    await orders.get('/orders')
    assert.equal(clock.slept.length, 5)
    for (const [index, ms] of clock.slept.entries()) {
      const whole = 500 * 2 ** index
      assert.ok(ms >= whole / 2 && ms < whole, `${ms} of ${whole}`)
    }
    assert.ok(clock.slept.some((ms) => !Number.isInteger(ms)))
  })
})

describe('Api stops', () => {
  it('with the reason of the signal while it waits', async (t) => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    const sleep: typeof systemClock.sleep = (ms, signal) => {
      const sleeping = systemClock.sleep(ms, signal)
      controller.abort(reason)
      return sleeping
    }
    const clock = { ...systemClock, sleep }
    const { orders, calls } = await scriptedApi(t, () => refusal(429, '300'), { clock })
    await assert.rejects(orders.get('/orders', { signal: controller.signal }), reason)
    assert.equal(calls.length, 1)
  })

  it('with the reason of the signal while the request is in flight', async (t) => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    const { orders, calls } = await scriptedApi(t, () => () => controller.abort(reason))
    await assert.rejects(orders.get('/orders', { signal: controller.signal }), reason)
    assert.equal(calls.length, 1)
  })

  it('with the reason of the signal in the middle of the answer', async (t) => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    const { orders } = await scriptedApi(t, () => (response) => {
      response.write('{"a":', () => controller.abort(reason))
    })
    await assert.rejects(orders.get('/orders', { signal: controller.signal }), reason)
  })

  it('with the reason of the signal while it waits for a token, which others still get', async (t) => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    let release = () => {}
    const server = await scriptedServer(t, (request) => {
      if (!isTokenRequest(request)) return { body: { id: 1 } }
      return (response) => {
        release = () => void response.end('{"token_type":"Bearer","expires_in":3599,"access_token":"a"}')
        controller.abort(reason)
      }
    })
    const { origin: baseUrl, ca } = server
    const orders = api(identityAt(server), { baseUrl, scope: SCOPE, ca })
    const other = orders.get('/orders')
    await assert.rejects(orders.get('/orders', { signal: controller.signal }), reason)
    assert.deepEqual(getEventListeners(controller.signal, 'abort'), [])
    release()
    assert.deepEqual(await other, { id: 1 })
    assert.equal(server.received.length, 2)
  })

  it('before it sends anything when the signal is aborted already', async (t) => {
    const { orders, server } = await scriptedApi(t, () => ({ body: {} }))
    const reason = new Error('stopped before')
    await assert.rejects(orders.get('/orders', { signal: AbortSignal.abort(reason) }), reason)
    assert.deepEqual(server.received, [])
  })
})

describe('Api cannot reach', () => {
  const hint = 'Check the network and any proxy between this machine and the other side, then run again'
  const unreachable = (method: string, origin: string, found: string) => ({
    name: 'UnavailableError',
    code: 'api_unreachable',
    message: `Cannot ${method} ${origin}/v1/orders, as the API must be reachable: ${found}`,
    hint,
  })
  const BACK_OFF = [250, 500, 1000, 2000, 4000]

  for (const [what, begin] of [
    ['never answers', () => {}],
    ['begins to answer and never ends', (response: ServerResponse) => void response.write('{')],
  ] as const) {
    it(`an API that ${what}, and asks again where that does no harm`, async (t) => {
      const { orders, origin, calls, clock } = await scriptedApi(t, () => (response) => {
        begin(response)
        clock.pass(100_000)
      })
      const { signal } = new AbortController()
      await assert.rejects(
        orders.get('/orders?name=anna', { signal }),
        unreachable('GET', origin, 'no answer within 100000 ms'),
      )
      assert.deepEqual([calls.length, clock.slept], [6, BACK_OFF])
      await assert.rejects(
        orders.post('/orders', {}),
        unreachable('POST', origin, 'no answer within 100000 ms'),
      )
      assert.equal(calls.length, 7)
      assert.deepEqual(getEventListeners(signal, 'abort'), [])
    })
  }

  it('an API within the time that it was given for one attempt', async (t) => {
    const clock = manualClock()
    const { orders, origin } = await scriptedApi(t, () => () => clock.pass(200), { timeoutMs: 200, clock })
    await assert.rejects(orders.post('/orders', {}), unreachable('POST', origin, 'no answer within 200 ms'))
  })

  it('an API that closes the connection, and does not repeat what may have been done', async (t) => {
    const { orders, origin, calls } = await scriptedApi(t, () => (response) => response.socket?.destroy())
    await assert.rejects(orders.post('/orders', {}), unreachable('POST', origin, 'other side closed'))
    assert.equal(calls.length, 1)
  })

  for (const method of ['GET', 'PUT', 'DELETE'] as const) {
    it(`an API that closes the connection in the middle of an answer to ${method}, and asks again`, async (t) => {
      const { orders, calls, clock } = await scriptedApi(t, (_, number) => {
        if (number === 3) return { body: { number } }
        return (response) => void response.write('{"number":', () => response.socket?.destroy())
      })
      assert.deepEqual(await orders.call(method, '/orders'), { number: 3 })
      assert.deepEqual([calls.length, clock.slept], [3, [250, 500]])
    })
  }

  it('an API that closes the connection, and repeats what the caller says does no harm', async (t) => {
    const { orders, calls } = await scriptedApi(t, (_, number) =>
      number === 1 ? (response) => response.socket?.destroy() : { body: { number } },
    )
    assert.deepEqual(await orders.patch('/orders/1', {}, { repeatable: true }), { number: 2 })
    assert.equal(calls.length, 2)
  })

  it('an API that closes the connection, and repeats no GET that the caller says does harm', async (t) => {
    const { orders, origin, calls } = await scriptedApi(t, () => (response) => response.socket?.destroy())
    const asked = orders.get('/orders', { repeatable: false })
    await assert.rejects(asked, unreachable('GET', origin, 'other side closed'))
    assert.equal(calls.length, 1)
  })

  it('an API where nothing listens, and repeats even POST, which was never sent', async (t) => {
    const gone = createServer().listen(0, 'localhost')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    const baseUrl = `https://localhost:${port}/v1`
    const { orders, clock } = await scriptedApi(t, () => ({ body: {} }), { baseUrl })
    await assert.rejects(orders.post('/orders', {}), {
      name: 'UnavailableError',
      code: 'api_unreachable',
      hint: `Check that something listens at https://localhost:${port}`,
    })
    assert.deepEqual(clock.slept, BACK_OFF)
  })

  it('an API with a header that cannot be one, and tries once', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ body: {} }))
    const error: unknown = await orders
      .get('/orders', { headers: { 'x-name': 'a\nb' } })
      .catch((caught: unknown) => caught)
    assert.match(inspect(error), /UnavailableError: Cannot GET .*: invalid x-name header/)
    assert.deepEqual([calls, orders.requests], [[], 1])
  })

  it('an API whose certificate authority it does not know, and asks once', async (t) => {
    const elsewhere = await scriptedServer(t, () => ({ body: {} }))
    const { orders } = await scriptedApi(t, () => ({ body: {} }), { baseUrl: elsewhere.origin })
    const error: unknown = await orders.get('/orders').catch((caught: unknown) => caught)
    assert.match(inspect(error), /UnavailableError: Cannot GET .*: self-signed certificate/)
    assert.match(inspect(error), /Set NODE_EXTRA_CA_CERTS to the PEM file/)
    assert.deepEqual([elsewhere.received, orders.requests], [[], 1])
  })
})

describe('Api ends in time', () => {
  it('when the wait that is asked for would go beyond the deadline of the call', async (t) => {
    const { orders, calls, clock } = await scriptedApi(t, () => refusal(429, '60'))
    await assert.rejects(orders.get('/orders', { deadlineMs: 150_000 }), { name: 'ApiError', status: 429 })
    assert.deepEqual([calls.length, clock.slept], [3, [60_000, 60_000]])
  })

  it('after a quarter of an hour unless told otherwise', async (t) => {
    const { orders, calls, clock } = await scriptedApi(t, () => refusal(429, '299'))
    await assert.rejects(orders.get('/orders'), { name: 'ApiError', status: 429 })
    assert.deepEqual([calls.length, clock.slept], [4, [299_000, 299_000, 299_000]])
  })

  it('in the last attempt, which gets what is left of the time', async (t) => {
    const clock = manualClock()
    const { orders, origin } = await scriptedApi(t, () => () => clock.pass(5000), { clock })
    await assert.rejects(orders.post('/orders', {}, { deadlineMs: 5000 }), {
      name: 'UnavailableError',
      message: `Cannot POST ${origin}/v1/orders, as the API must be reachable: no answer within 5000 ms`,
    })
  })

  it('while others keep it from beginning', async (t) => {
    const clock = { ...manualClock(), sleep: () => new Promise<void>(() => {}) }
    const { orders, calls } = await scriptedApi(t, () => refusal(429, '60'), { clock })
    orders.get('/first').catch(() => {})
    while (calls.length === 0) await immediate()
    await immediate()
    const second = orders.get('/second', { deadlineMs: 1000 })
    await immediate()
    clock.pass(1000)
    await assert.rejects(second, {
      name: 'UnavailableError',
      code: 'pace_timeout',
      message: 'Cannot make the call, as it had to begin within 1000 ms: the API grants no more at present',
    })
    assert.equal(calls.length, 1)
  })
})

describe('Api in an outage', () => {
  it('repeats no more than its budget allows, over all calls together', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => refusal(503))
    const failed = await Promise.allSettled(
      Array.from({ length: 100 }, (_, id) => orders.get(`/orders/${id}`)),
    )
    assert.ok(failed.every(({ status }) => status === 'rejected'))
    assert.equal(calls.length, 100 + 50)
  })

  it('is not kept by its budget from waiting as long as a throttling server asks', async (t) => {
    const asked = new Set<string>()
    const { orders, calls } = await scriptedApi(t, ({ path }) => {
      if (asked.has(path)) return { body: {} }
      asked.add(path)
      return refusal(429, '1')
    })
    await Promise.all(Array.from({ length: 100 }, (_, id) => orders.get(`/orders/${id}`)))
    assert.equal(calls.length, 200)
  })
})
