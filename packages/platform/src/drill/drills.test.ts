// Faults on demand as a bare request meets them, and the drills' own API.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, afterEach, before, describe, it } from 'node:test'
import { sendHttp } from '../managed-identity/test-support.ts'
import { type App, claimsOf, type Json, makeKey, newUser, World } from '../test-support.ts'

let world: World
let app: App
before(async () => {
  world = await World.start(undefined, { drills: true, managedIdentity: { port: 0 } })
  app = await world.register(await makeKey(world.clock.ms), { roles: ['User.ReadWrite.All'] })
})
after(() => world.remove())
afterEach(async () => {
  for (const what of ['faults', 'clock']) await drill('DELETE', `/${what}`)
})

/** Calls the drills' API. */
const drill = (method: string, path: string, body?: unknown) =>
  world.send(`/drills${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })

async function begin(fault: Json): Promise<void> {
  const { status, text } = await drill('POST', '/faults', fault)
  assert.equal(status, 201, text)
}

const report = async () => (await drill('GET', '')).body
const part = async (name: string) => (await report())[name] as Readonly<Record<string, number>>
const askToken = () => world.postForm(world.form(app))
const users = () => world.graph('GET', '/users')
const metadata = () => world.send(`/${world.tenantId}/v2.0/.well-known/openid-configuration`)
const identity = () =>
  sendHttp(world.platform.managedIdentity?.origin ?? '', '/metadata/identity/oauth2/token')

/** Waits until so many requests wait: each look is a request of its own, so nothing sleeps. */
async function waiting(count: number): Promise<void> {
  while ((await report())['waiting'] !== count);
}

const TRANSIENT = [90033, 'A transient error has occurred. Please try again.'] as const
const BUSY = [90055, 'There are too many incoming requests.'] as const

describe('a status fault', () => {
  const asks = { token: askToken, discovery: metadata }
  for (const [status, retryAfterSeconds, [number, text], targets] of [
    [429, 7, BUSY, ['discovery']],
    [503, 0, TRANSIENT, ['token', 'discovery']],
    [500, undefined, TRANSIENT, ['token', 'discovery']],
  ] as const) {
    it(`of ${status} comes from ${targets.join(' and ')} in the envelope of the token service`, async () => {
      for (const target of targets) {
        await begin({
          target,
          kind: 'status',
          status,
          ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
        })
        const answer = await asks[target]()
        const { trace_id: trace, correlation_id: correlation, timestamp } = answer.body
        assert.deepEqual(
          { status: answer.status, wait: answer.headers['retry-after'], body: answer.body },
          {
            status,
            wait: retryAfterSeconds === undefined ? undefined : String(retryAfterSeconds),
            body: {
              error: 'temporarily_unavailable',
              error_description: `AADSTS${number}: ${text} Trace ID: ${String(trace)} Correlation ID: ${String(correlation)} Timestamp: ${String(timestamp)}`,
              error_codes: [number],
              timestamp,
              trace_id: trace,
              correlation_id: correlation,
            },
          },
        )
        assert.equal(answer.headers['x-ms-request-id'], trace)
        assert.equal(answer.headers['client-request-id'], correlation)
        assert.equal(timestamp, `${new Date(world.clock.ms).toISOString().slice(0, 19).replace('T', ' ')}Z`)
      }
    })
  }

  for (const [told, retryAfterSeconds] of [
    ['60', undefined],
    ['7', 7],
    ['0', 0],
  ] as const) {
    it(`of 429 comes from the token endpoint in plain text, to be asked again after ${told} s`, async () => {
      const wait = retryAfterSeconds === undefined ? {} : { retryAfterSeconds }
      await begin({ target: 'token', kind: 'status', status: 429, times: 1, ...wait })
      const { status, headers, text } = await askToken()
      assert.deepEqual([status, text, headers['retry-after']], [429, 'Too Many Requests', told])
      assert.equal(headers['content-type'], 'text/plain; charset=utf-8')
      assert.equal(headers['cache-control'], 'no-store, no-cache')
      assert.match(String(headers['x-ms-request-id']), /^[0-9a-f-]{36}$/)
      assert.equal((await askToken()).status, 200)
    })
  }

  for (const [status, code, message] of [
    [429, 'TooManyRequests', 'Please retry again later.'],
    [500, 'InternalServerError', 'The service failed: this is a drill.'],
    [502, 'BadGateway', 'The service failed: this is a drill.'],
    [503, 'ServiceNotAvailable', 'The service is not available: this is a drill.'],
    [504, 'GatewayTimeout', 'The service did not answer in time: this is a drill.'],
  ] as const) {
    it(`of ${status} comes from the directory in Graph’s error body`, async () => {
      await begin({ target: 'directory', kind: 'status', status, retryAfterSeconds: 3 })
      const answer = await users()
      const error = answer.body['error'] as Json
      assert.deepEqual([answer.status, answer.headers['retry-after']], [status, '3'])
      assert.deepEqual([error['code'], error['message']], [code, message])
      const inner = error['innerError'] as Json
      assert.equal(inner['request-id'], answer.headers['request-id'])
    })
  }

  it('strikes one request inside a batch, and not the batch', async () => {
    await users()
    await begin({ target: 'batch-item', kind: 'status', status: 429, retryAfterSeconds: 7, rate: 0.5 })
    const requests = ['1', '2'].map((id) => ({ id, method: 'GET', url: '/users?$top=1' }))
    const counted = async () => {
      const { directory = 0, 'batch-item': items = 0 } = await part('requests')
      return { directory, items }
    }
    const before = await counted()
    const { status, body } = await world.graph('POST', '/$batch', { requests })
    const items = body['responses'] as readonly { status: number; headers: Json }[]
    assert.deepEqual([status, items.map((item) => item.status)], [200, [200, 429]])
    assert.equal(items[1]?.headers['Retry-After'], '7')
    const now = await counted()
    assert.deepEqual(now, { directory: before.directory + 1, items: before.items + 2 })
  })

  for (const [status, error, text] of [
    [404, 'not_found', 'The endpoint is being updated'],
    [410, 'gone', 'The endpoint is being updated and will be back within 70 seconds'],
    [429, 'too_many_requests', 'Too many requests: wait before the next one'],
    [
      500,
      'unknown',
      'Failed to retrieve token from the Active directory. For details see logs of the platform',
    ],
  ] as const) {
    it(`of ${status} comes from the managed identity endpoints`, async () => {
      await begin({ target: 'managed-identity', kind: 'status', status })
      const answer = await identity()
      assert.deepEqual([answer.status, answer.body], [status, { error, error_description: text }])
    })
  }
})

describe('a fault', () => {
  it('strikes a part of the requests, evenly', async () => {
    await begin({ target: 'token', kind: 'status', status: 503, rate: 0.4 })
    const statuses = []
    for (let count = 0; count < 10; count++) statuses.push((await askToken()).status)
    assert.deepEqual(statuses, [200, 200, 503, 200, 503, 200, 200, 503, 200, 503])
  })

  it('ends after as many times as it was told, and with DELETE', async () => {
    await begin({ target: 'token', kind: 'status', status: 503, times: 2 })
    assert.deepEqual(
      [(await askToken()).status, (await askToken()).status, (await askToken()).status],
      [503, 503, 200],
    )
    await begin({ target: 'token', kind: 'status', status: 503 })
    assert.equal((await askToken()).status, 503)
    assert.equal((await drill('DELETE', '/faults')).status, 204)
    assert.equal((await askToken()).status, 200)
  })

  it('leaves every other target alone', async () => {
    await begin({ target: 'token', kind: 'status', status: 503 })
    assert.equal((await users()).status, 200)
    assert.equal((await metadata()).status, 200)
    assert.equal((await identity()).status, 400)
    assert.equal((await world.send('/portal/sign-in')).status, 200)
  })
})

describe('a connection fault', () => {
  it('that hangs gives no answer until the faults are ended, and then none either', async () => {
    await begin({ target: 'token', kind: 'hang' })
    const asked = assert.rejects(askToken(), { code: 'ECONNRESET' })
    await waiting(1)
    await drill('DELETE', '/faults')
    await asked
    assert.equal((await report())['waiting'], 0)
    assert.equal((await askToken()).status, 200)
  })

  it('that hangs is forgotten when the client gives up', async () => {
    await begin({ target: 'managed-identity', kind: 'hang' })
    const { port } = new URL(world.platform.managedIdentity?.origin ?? '')
    const asked = request({ host: 'localhost', port, path: '/' })
    asked.on('error', () => {})
    asked.end()
    await waiting(1)
    asked.destroy()
    await waiting(0)
  })

  it('that is slow answers all the same, at once when the faults are ended', async () => {
    const { directory: before = 0 } = await part('struck')
    await begin({ target: 'directory', kind: 'slow', delayMs: 600_000, times: 1 })
    const asked = users()
    await waiting(1)
    await drill('DELETE', '/faults')
    assert.equal((await asked).status, 200)
    await begin({ target: 'token', kind: 'slow', delayMs: 1 })
    assert.equal((await askToken()).status, 200)
    assert.deepEqual([(await report())['waiting'], (await part('struck'))['directory']], [0, before + 1])
  })

  it('that cuts does so after the request has been processed', async () => {
    await begin({ target: 'directory', kind: 'cut', times: 1 })
    await assert.rejects(world.graph('POST', '/users', newUser('cut')), { code: 'ECONNRESET' })
    assert.equal((await world.graph('GET', '/users/cut@contoso.example')).status, 200)
  })
})

describe('the end of a platform', () => {
  it('does not wait for requests that hang or are slow', async () => {
    const other = await World.start(undefined, { drills: true })
    const key = await makeKey(other.clock.ms)
    for (const [kind, facts] of [
      ['hang', {}],
      ['slow', { delayMs: 600_000 }],
    ] as const) {
      const body = JSON.stringify({ target: 'token', kind, times: 1, ...facts })
      const headers = { 'content-type': 'application/json' }
      await other.send('/drills/faults', { method: 'POST', headers, body })
    }
    const form = other.form({ appId: 'x', key })
    const asked = Promise.allSettled([other.postForm(form), other.postForm(form)])
    while ((await other.send('/drills')).body['waiting'] !== 2);
    await other.platform.close()
    await asked
    await other.remove()
  })
})

describe('the clock of a platform', () => {
  it('is set, goes on from there, and returns to the machine', async () => {
    const nowMs = Date.UTC(2030, 0, 1)
    assert.equal((await drill('PUT', '/clock', { now: '2030-01-01T00:00:00Z' })).status, 204)
    assert.deepEqual(
      [(await report())['now'], (await report())['clock']],
      ['2030-01-01T00:00:00.000Z', 'set'],
    )
    const refused = await askToken()
    assert.deepEqual(refused.body['error_codes'], [1000502])
    world.clock.ms += 1000
    assert.equal((await report())['now'], '2030-01-01T00:00:01.000Z')
    assert.equal((await drill('DELETE', '/clock')).status, 204)
    assert.equal((await report())['clock'], 'machine')
    const { body } = await askToken()
    const { exp } = claimsOf(String(body['access_token']))
    assert.equal(exp, world.clock.ms / 1000 + 3600)
    assert.notEqual(exp, nowMs / 1000 + 3600)
  })

  for (const now of ['yesterday', '1999-12-31T23:59:59Z', '2100-01-01T00:00:00Z', 7, undefined]) {
    it(`is not set to ${String(now)}`, async () => {
      const { status, body } = await drill('PUT', '/clock', { now })
      const message = "'now' must be an instant from 2000 to 2099, as 2026-09-21T14:00:00Z."
      assert.deepEqual([status, body], [400, { error: { code: 'invalid_drill', message } }])
    })
  }
})

describe('the drills', () => {
  it('count the requests of each target, struck or not', async () => {
    const before = await part('requests')
    await begin({ target: 'token', kind: 'status', status: 503, times: 1 })
    for (const send of [askToken, askToken, users, metadata, identity]) await send()
    const now = await part('requests')
    const more = Object.keys(now).map((name) => [name, (now[name] ?? 0) - (before[name] ?? 0)])
    assert.deepEqual(Object.fromEntries(more), {
      token: 2,
      discovery: 1,
      directory: 1,
      'batch-item': 0,
      'managed-identity': 1,
    })
  })

  it('show what has been begun', async () => {
    await begin({ target: 'token', kind: 'status', status: 429, retryAfterSeconds: 2, rate: 0.5, times: 3 })
    await begin({ target: 'directory', kind: 'slow', delayMs: 5 })
    await askToken()
    await askToken()
    const faults = (await report())['faults'] as readonly Json[]
    assert.deepEqual(
      faults.map(({ id: _, ...fault }) => fault),
      [
        {
          target: 'token',
          kind: 'status',
          status: 429,
          retryAfterSeconds: 2,
          rate: 0.5,
          times: 3,
          struck: 1,
        },
        { target: 'directory', kind: 'slow', delayMs: 5, rate: 1, struck: 0 },
      ],
    )
  })

  it('are 20 at most', async () => {
    for (let count = 0; count < 20; count++) await begin({ target: 'token', kind: 'cut' })
    const { status, body } = await drill('POST', '/faults', { target: 'token', kind: 'cut' })
    const message = 'At most 20 faults at a time: end them with DELETE /drills/faults.'
    assert.deepEqual([status, body], [400, { error: { code: 'invalid_drill', message } }])
  })

  it('are not for web pages', async () => {
    for (const headers of [{ origin: 'https://attacker.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      for (const [method, path] of [
        ['GET', '/drills'],
        ['POST', '/drills/faults'],
        ['DELETE', '/drills/faults'],
        ['PUT', '/drills/clock'],
      ] as const) {
        const { status, body } = await world.send(path, { method, headers: { ...headers } })
        const error = { code: 'forbidden', message: 'Web pages may not drill this platform.' }
        assert.deepEqual([status, body], [403, { error }], `${method} ${path}`)
      }
    }
  })

  it('are nowhere unless the platform was started with them', async () => {
    const plain = await World.start()
    for (const [method, path] of [
      ['GET', '/drills'],
      ['POST', '/drills/faults'],
      ['DELETE', '/drills/faults'],
      ['PUT', '/drills/clock'],
      ['DELETE', '/drills/clock'],
    ] as const)
      assert.equal((await plain.send(path, { method })).status, 404, `${method} ${path}`)
    await plain.remove()
  })
})
