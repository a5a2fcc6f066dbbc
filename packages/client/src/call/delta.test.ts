import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Answer, Received } from '../test-support.ts'
import type { Api } from './api.ts'
import type { DeltaOptions, DeltaPage } from './delta.ts'
import { scriptedApi } from './test-support.ts'

const USERS = '/users/delta?$select=name'
const link = ({ headers }: Received, token: string) => `https://${headers.host}/v1/users/delta?${token}`
const next = (request: Received, token: string) => ({ '@odata.nextLink': link(request, token) })
const end = (request: Received, token: string) => ({ '@odata.deltaLink': link(request, token) })

async function all(directory: Api, options?: DeltaOptions): Promise<DeltaPage[]> {
  const pages: DeltaPage[] = []
  for await (const page of directory.delta(USERS, options)) pages.push(page)
  return pages
}

const tokenOf = (page: DeltaPage | undefined) => page?.link.split('?')[1]
const malformed = (found: string) => ({
  name: 'ProtocolError',
  code: 'page_malformed',
  message: `Cannot read the page, as a collection with "value" and "@odata.nextLink" is needed: found ${found}`,
})

describe('Api.delta', () => {
  it('reads pages to the delta link, and goes on from it another day', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request): Answer => {
      const { path } = request
      if (path.endsWith('skip=1')) return { body: { value: [{ id: 'b' }], ...end(request, 'delta=1') } }
      if (path.endsWith('delta=1'))
        return { body: { value: [{ id: 'a', name: 'A' }], ...end(request, 'delta=2') } }
      return { body: { value: [{ id: 'a' }], ...next(request, 'skip=1') } }
    })
    const first = await all(orders)
    assert.deepEqual(
      first.map(({ changes, complete, resync }) => [changes.map(({ id }) => id), complete, resync]),
      [
        [['a'], false, false],
        [['b'], true, false],
      ],
    )
    const second = await all(orders, { link: first[1]?.link, headers: { Prefer: 'return=minimal' } })
    assert.deepEqual(second, [
      {
        changes: [{ id: 'a', removed: undefined, item: { id: 'a', name: 'A' } }],
        link: link(calls[2] as Received, 'delta=2'),
        complete: true,
        resync: false,
      },
    ])
    assert.equal(calls[2]?.headers['prefer'], 'return=minimal')
  })

  it('tells what is gone, for good or not, and each object once as it was last told', async (t) => {
    const value = [
      { id: 'a', name: 'old' },
      { id: 'b', '@removed': { reason: 'changed' } },
      { id: 'c', '@removed': { reason: 'deleted' } },
      { id: 'd', '@removed': {} },
      { id: 'a', name: 'new' },
      { id: 'b', name: 'back' },
    ]
    const { orders } = await scriptedApi(t, (request) => ({ body: { value, ...end(request, 'delta=1') } }))
    const [page] = await all(orders)
    assert.deepEqual(
      page?.changes.map(({ id, removed, item }) => [id, removed, item['name']]),
      [
        ['c', 'deleted', undefined],
        ['d', 'changed', undefined],
        ['a', undefined, 'new'],
        ['b', undefined, 'back'],
      ],
    )
  })

  const expired: readonly (readonly [what: string, answer: (request: Received) => Answer, from: string])[] = [
    [
      '410 with a place',
      (request) => ({ status: 410, headers: { location: link(request, 'anew=1') }, body: {} }),
      'anew=1',
    ],
    [
      '410 with a path',
      () => ({ status: 410, headers: { location: '/v1/users/delta?anew=2' }, body: {} }),
      'anew=2',
    ],
    ['410 without a place', () => ({ status: 410, body: {} }), '$select=name'],
    [
      '400 syncStateNotFound',
      () => ({ status: 400, body: { error: { code: 'syncStateNotFound' } } }),
      '$select=name',
    ],
    [
      '404 resyncRequired',
      () => ({ status: 404, body: { error: { code: 'resyncRequired' } } }),
      '$select=name',
    ],
  ]
  for (const [what, answer, from] of expired) {
    it(`begins anew after ${what}, and says so`, async (t) => {
      const { orders, calls } = await scriptedApi(t, (request, number) =>
        number === 1 ? answer(request) : { body: { value: [{ id: 'a' }], ...end(request, 'delta=9') } },
      )
      const pages = await all(orders, { link: `${orders.baseUrl}users/delta?delta=1` })
      assert.deepEqual(
        pages.map((page) => [page.resync, page.complete, tokenOf(page)]),
        [[true, true, 'delta=9']],
      )
      assert.equal(calls[1]?.path, `/v1/users/delta?${from}`)
    })
  }

  it('begins anew once and no more', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ status: 410, body: {} }))
    await assert.rejects(all(orders, { link: `${orders.baseUrl}users/delta?delta=1` }), {
      name: 'ApiError',
      status: 410,
      message: 'Cannot GET /v1/users/delta: status 410, http_410: no message',
    })
    assert.equal(calls.length, 2)
  })

  it('does not begin anew where it has only begun', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ status: 410, body: {} }))
    await assert.rejects(all(orders), { name: 'ApiError', status: 410 })
    assert.equal(calls.length, 1)
  })

  for (const status of [400, 404]) {
    it(`takes another ${status} for what it is`, async (t) => {
      const body = { error: { code: 'Request_BadRequest', message: 'No.' } }
      const { orders, calls } = await scriptedApi(t, () => ({ status, body }))
      await assert.rejects(all(orders, { link: `${orders.baseUrl}users/delta?delta=1` }), {
        name: 'ApiError',
        status,
      })
      assert.equal(calls.length, 1)
    })
  }

  it('ends when links lead in a circle', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request) => ({
      body: { value: [], ...next(request, 'skip=1') },
    }))
    await assert.rejects(all(orders), malformed('a next link that was followed before'))
    assert.ok(calls.length <= 4)
  })

  const bodies: readonly (readonly [found: string, body: object])[] = [
    ['neither a next link nor a delta link', { value: [] }],
    ['a delta link that is no text', { value: [], '@odata.deltaLink': 5 }],
    ['a change without "id"', { value: [{ name: 'a' }], '@odata.deltaLink': 'x' }],
    ['a change without "id"', { value: [null], '@odata.deltaLink': 'x' }],
    ['no "value" list', { '@odata.deltaLink': 'x' }],
  ]
  for (const [found, body] of bodies) {
    it(`refuses ${JSON.stringify(body)}`, async (t) => {
      const { orders } = await scriptedApi(t, () => ({ body }))
      await assert.rejects(all(orders), malformed(found))
    })
  }
})
