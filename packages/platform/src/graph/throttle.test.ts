// Limits by resource units: over the wire with Graph's headers, and what each request costs.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Answer, assertGraphError, type Json, makeKey, newUser, World } from '../test-support.ts'
import { resourceUnits } from './resource-units.ts'
import { Throttle } from './throttle.ts'

describe('resourceUnits', () => {
  for (const [route, query, units] of [
    ['GET /users', {}, 2],
    ['GET /users', { $select: 'id' }, 1],
    ['GET /users', { $top: '19' }, 1],
    ['GET /users', { $top: '20' }, 2],
    ['GET /users', { $select: 'id', $top: '1' }, 1],
    ['GET /users', { $expand: 'manager' }, 3],
    ['GET /users/:id', {}, 1],
    ['GET /groups/:id/members', {}, 3],
    ['GET /groups/:id/transitiveMembers', { $select: 'id' }, 4],
    ['POST /users', {}, 1],
  ] as const)
    it(`says that ${route} with ${JSON.stringify(query)} costs ${units}`, () => {
      assert.equal(resourceUnits(route, query), units)
    })
})

describe('Throttle', () => {
  it('refuses a part of the limits that is none', () => {
    for (const part of [0, -1, 11, Number.NaN])
      assert.throws(() => new Throttle(part), {
        name: 'RangeError',
        message: `Cannot throttle to ${part} of Graph's limits: a number above 0 and at most 10 is needed`,
      })
  })
})

describe('a throttled directory', () => {
  let world: World
  let reader: { readonly token: string; readonly appId: string }
  before(async () => {
    // 3,500 units for 10 s and 3,000 writes for 150 s, as for a tenant of few users, a hundredth of each.
    world = await World.start(undefined, { throttling: 0.01 })
    world.clock.ms += 150_000
    const app = await world.register(await makeKey(world.clock.ms), {
      roles: ['User.Read.All', 'User.ReadWrite.All'],
    })
    world.clock.ms += 150_000
    reader = { token: await world.token(app), appId: app.appId }
  })
  after(() => world.remove())

  const call = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    world.send(`/graph/v1.0${path}`, { headers: { authorization: `Bearer ${reader.token}`, ...headers } })
  const throttled = (answer: Answer, scope: string, reason: string, wait: string) => {
    assertGraphError(answer, 429, 'TooManyRequests', 'Please retry again later.')
    assert.equal(answer.headers['retry-after'], wait)
    assert.equal(
      answer.headers['x-ms-throttle-scope'],
      `Tenant_Application/${scope}/${reader.appId}/${world.tenantId}`,
    )
    assert.equal(answer.headers['x-ms-throttle-information'], reason)
  }

  it('tells units, says when the limit is near, and refuses beyond it until the window has passed', async () => {
    const told: unknown[] = []
    for (let n = 0; n < 17; n++) {
      const answer = await call('/users')
      assert.deepEqual([answer.status, answer.headers['x-ms-resource-unit']], [200, '2'])
      told.push(answer.headers['x-ms-throttle-limit-percentage'])
    }
    assert.deepEqual(told, [...Array.from({ length: 13 }, () => undefined), '0.8', '0.8', '0.9', '0.9'])
    world.clock.ms += 3_500
    throttled(await call('/users'), 'ReadWrite', 'ResourceUnitLimitExceeded', '7')
    assert.equal((await call('/users', { 'x-ms-throttle-priority': 'High' })).status, 200)
    throttled(
      await call('/users', { 'x-ms-throttle-priority': 'High' }),
      'ReadWrite',
      'ResourceUnitLimitExceeded',
      '7',
    )
    assert.equal((await world.graph('GET', '/users')).status, 200)
    world.clock.ms += 6_500
    assert.equal((await call('/users')).status, 200)
  })

  it('limits writes by themselves, and each request of a batch by itself', async () => {
    const requests = Array.from({ length: 20 }, (_, n) => ({
      id: String(n),
      method: 'POST',
      url: '/users',
      headers: { 'Content-Type': 'application/json' },
      body: newUser(`t${n}`),
    }))
    const statuses: unknown[] = []
    let last: Json = {}
    for (const part of [
      requests.slice(0, 15),
      requests.slice(15),
      requests.slice(0, 10),
      requests.slice(0, 2),
    ]) {
      world.clock.ms += 10_000
      const { body } = await world.graph('POST', '/$batch', { requests: part }, reader.token)
      for (const response of body['responses'] as Json[]) {
        statuses.push(response['status'])
        last = response
      }
    }
    // The ten in between are users that exist, and count all the same.
    assert.deepEqual(statuses, [
      ...Array.from({ length: 20 }, () => 201),
      ...Array.from({ length: 10 }, () => 400),
      429,
      429,
    ])
    const headers = last['headers'] as Json
    assert.equal(headers['Retry-After'], '120')
    assert.equal(headers['x-ms-throttle-information'], 'WriteLimitExceeded')
    assert.equal((last['body'] as { error: Json }).error['code'], 'TooManyRequests')
  })
})

describe('the drill of throttling', () => {
  it('begins and ends on demand', async () => {
    const world = await World.start(undefined, { drills: true })
    try {
      const set = (method: string, body?: Json) =>
        world.send('/drills/throttling', {
          method,
          ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
        })
      assert.equal((await world.graph('GET', '/users')).headers['x-ms-resource-unit'], undefined)
      assert.equal((await set('PUT', { part: 0.0003 })).status, 204)
      assert.equal((await world.graph('GET', '/users/$count')).headers['x-ms-resource-unit'], '1')
      assert.equal((await world.graph('GET', '/users')).status, 429)
      const refused = await set('PUT', { part: 0 })
      assert.deepEqual(
        [refused.status, (refused.body as { error: Json }).error['message']],
        [400, "'part' must be a number above 0 and at most 10: the part of Graph's limits to grant."],
      )
      assert.equal((await set('DELETE')).status, 204)
      assert.equal((await world.graph('GET', '/users')).status, 200)
    } finally {
      await world.remove()
    }
  })
})
