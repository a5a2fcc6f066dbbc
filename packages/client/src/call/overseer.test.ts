import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { identityAt } from '../test-support.ts'
import type { BatchResponse } from './batch.ts'
import { eachItem, get, itemsOf, post } from './batch-test-support.ts'
import { graph } from './graph.ts'
import { isRead, type Overseer, type Write } from './overseer.ts'
import { scriptedApi } from './test-support.ts'

const DONE: BatchResponse = { status: 201, headers: {}, body: { id: 'planned' } }

/** Keeps what it is shown, and answers every write itself. */
function rehearsing() {
  const writes: Write[] = []
  const reads: (readonly [string, unknown])[] = []
  const overseer: Overseer = {
    write: async (write) => {
      writes.push(write)
      return DONE
    },
    read: (path, body) => reads.push([path, body]),
  }
  return { writes, reads, overseer }
}

describe('Api.overseen', () => {
  it('sends reads and shows what they read, and answers writes without sending them', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ body: { id: '1' } }))
    const { writes, reads, overseer } = rehearsing()
    const seen = orders.overseen(overseer)
    assert.deepEqual(await seen.get('/orders/1'), { id: '1' })
    assert.deepEqual(await seen.post('/orders', { a: 1 }), { id: 'planned' })
    await seen.patch('/orders/1', { b: 2 })
    await seen.put('/orders/2', { c: 3 })
    await seen.delete('/orders/3')
    await seen.upload('PUT', '/orders/4/content', Buffer.from('x'))
    assert.deepEqual(
      calls.map(({ method, path }) => `${method} ${path}`),
      ['GET /v1/orders/1'],
    )
    assert.deepEqual(reads, [['/orders/1', { id: '1' }]])
    assert.deepEqual(writes, [
      { method: 'POST', path: '/orders', body: { a: 1 } },
      { method: 'PATCH', path: '/orders/1', body: { b: 2 } },
      { method: 'PUT', path: '/orders/2', body: { c: 3 } },
      { method: 'DELETE', path: '/orders/3', body: undefined },
      { method: 'PUT', path: '/orders/4/content', body: undefined },
    ])
    assert.deepEqual([orders.requests, seen.requests], [1, 1])
  })

  it('refuses a path that leads elsewhere before anybody is asked', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ body: {} }))
    const { writes, overseer } = rehearsing()
    await assert.rejects(orders.overseen(overseer).post('https://elsewhere.example/x', {}), {
      name: 'ProtocolError',
    })
    assert.deepEqual(writes, [])
  })

  it('takes a batch apart: reads are sent, with the order that is left, and answers keep their places', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: 200, body: { url } })),
    )
    const { writes, reads, overseer } = rehearsing()
    const answers = await orders
      .overseen(overseer)
      .batch([
        post('/a'),
        get('/b'),
        { ...get('/c'), dependsOn: [0, 1] },
        { method: 'DELETE', url: '/d', dependsOn: [2] },
      ])
    assert.deepEqual(
      answers.map(({ body }) => body),
      [{ id: 'planned' }, { url: '/b' }, { url: '/c' }, { id: 'planned' }],
    )
    assert.deepEqual(calls.map(itemsOf), [
      [
        { id: '0', method: 'GET', url: '/b' },
        { id: '1', method: 'GET', url: '/c', dependsOn: ['0'] },
      ],
    ])
    assert.deepEqual(
      writes.map(({ method, path }) => `${method} ${path}`),
      ['POST /a', 'DELETE /d'],
    )
    assert.deepEqual(
      reads.map(([path]) => path),
      ['/b', '/c'],
    )
  })

  it('lets writes go that the overseer lets go, and sends nothing of a batch that it stops', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(() => ({ status: 204 })),
    )
    const stops = new Error('no more')
    let left = 3
    const limited = orders.overseen({
      write: async () => {
        left -= 1
        if (left < 0) throw stops
        return undefined
      },
    })
    assert.equal((await limited.batch([post('/a'), post('/b')])).length, 2)
    await assert.rejects(limited.batch([post('/c'), post('/d')]), stops)
    await assert.rejects(limited.patch('/e', {}), stops)
    assert.deepEqual(
      calls.map((call) => itemsOf(call).map(({ url }) => url)),
      [['/a', '/b']],
    )
  })

  it('knows the actions of Graph that read by POST', async (t) => {
    const { server } = await scriptedApi(t, () => ({ body: { value: [] } }))
    const { writes, overseer } = rehearsing()
    const directory = graph(identityAt(server), { baseUrl: `${server.origin}/v1`, ca: server.ca })
    const seen = directory.overseen(overseer)
    assert.deepEqual(await seen.post('/users/1/getMemberGroups', { securityEnabledOnly: true }), {
      value: [],
    })
    await seen.post('/users/1/revokeSignInSessions', {})
    assert.deepEqual(
      writes.map(({ path }) => path),
      ['/users/1/revokeSignInSessions'],
    )
  })
})

describe('isRead', () => {
  const actions = new Set(['getByIds'])
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['get', '/a', true],
    ['HEAD', '/a', true],
    ['PURGE', '/a', false],
    ['POST', '/a', false],
    ['POST', '/directoryObjects/getByIds?x=/y', true],
    ['POST', '/directoryObjects/microsoft.graph.getByIds()', true],
    ['DELETE', '/directoryObjects/getByIds', false],
    ['POST', '/getByIds/a', false],
  ]
  for (const [method, path, reads] of cases)
    it(`says ${reads ? 'yes' : 'no'} to ${method} ${path}`, () =>
      assert.equal(isRead(method, path, actions), reads))
})
