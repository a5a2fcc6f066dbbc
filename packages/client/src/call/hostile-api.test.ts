// An API that tries to draw the token to another place: by its links, its redirects and its challenges.
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { type Answer, type Received, scriptedServer } from '../test-support.ts'
import type { Api } from './api.ts'
import { scriptedApi } from './test-support.ts'

type Lure = (elsewhere: string) => (request: Received, number: number) => Answer

async function read(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

const redirect =
  (status: number): Lure =>
  (elsewhere) =>
  () => ({ status, headers: { location: `${elsewhere}/v1/orders` } })

const LURES: readonly (readonly [what: string, use: (orders: Api) => Promise<unknown>, lure: Lure])[] = [
  [
    'a next link',
    (orders) => read(orders.pages('/orders')),
    (elsewhere) => () => ({ body: { value: [], '@odata.nextLink': `${elsewhere}/v1/orders` } }),
  ],
  [
    'a next link without a scheme',
    (orders) => read(orders.pages('/orders')),
    (elsewhere) => () => ({ body: { value: [], '@odata.nextLink': elsewhere.replace('https:', '') } }),
  ],
  [
    'a next link in the clear',
    (orders) => read(orders.pages('/orders')),
    (elsewhere) => () => ({ body: { value: [], '@odata.nextLink': elsewhere.replace('https:', 'http:') } }),
  ],
  [
    'a next link of a delta',
    (orders) => read(orders.delta('/orders')),
    (elsewhere) => () => ({ body: { value: [], '@odata.nextLink': `${elsewhere}/v1/orders` } }),
  ],
  [
    'a delta link',
    (orders) => read(orders.delta('/orders', { link: 'https://evil.example/orders' })),
    () => () => ({ body: {} }),
  ],
  [
    'the Location of 410',
    (orders) => read(orders.delta('/orders', { link: `${orders.baseUrl}orders?delta=1` })),
    (elsewhere) => () => ({ status: 410, headers: { location: `${elsewhere}/v1/orders` }, body: {} }),
  ],
  [
    'the Location of 410 without a scheme',
    (orders) => read(orders.delta('/orders', { link: `${orders.baseUrl}orders?delta=1` })),
    (elsewhere) => () => ({ status: 410, headers: { location: elsewhere.replace('https:', '') }, body: {} }),
  ],
  ...[301, 302, 303, 307, 308].map(
    (status) =>
      [`redirect ${status} of GET`, (orders: Api) => orders.get('/orders'), redirect(status)] as const,
  ),
  ['a redirect of POST', (orders) => orders.post('/orders', {}), redirect(307)],
  ['a redirect of a download', (orders) => orders.download('/orders'), redirect(302)],
  ['a redirect of a batch', (orders) => orders.batch([{ method: 'GET', url: '/a' }]), redirect(307)],
  [
    'a redirect of an item of a batch',
    (orders) =>
      orders
        .batch([{ method: 'GET', url: '/a' }])
        .then(([answer]) => assert.equal(answer?.status, 302))
        .then(() => Promise.reject(new Error('returned'))),
    (elsewhere) => () => ({
      body: { responses: [{ id: '0', status: 302, headers: { Location: elsewhere } }] },
    }),
  ],
  [
    'a challenge',
    (orders) => orders.get('/orders'),
    (elsewhere) => () => ({
      status: 401,
      headers: {
        'www-authenticate': `Bearer authorization_uri="${elsewhere}/authorize", resource="${elsewhere}", realm="${elsewhere}"`,
      },
    }),
  ],
  [
    'a challenge with claims',
    (orders) => orders.get('/orders'),
    (elsewhere) => () => ({
      status: 401,
      headers: {
        'www-authenticate': `Bearer authorization_uri="${elsewhere}", error="insufficient_claims", claims="e30="`,
      },
    }),
  ],
]

describe('a hostile API', () => {
  for (const [what, use, lure] of LURES) {
    it(`draws nothing elsewhere by ${what}`, async (t: TestContext) => {
      const secret = crypto.randomUUID()
      const elsewhere = await scriptedServer(t, () => ({ body: { value: [] } }))
      const answer = lure(elsewhere.origin)
      // Even a client that would trust the other place does not go there.
      const { orders } = await scriptedApi(t, answer, {}, () => secret, elsewhere.ca)
      const error: unknown = await use(orders).then(
        () => assert.fail('nothing was refused'),
        (caught: unknown) => caught,
      )
      assert.ok(error instanceof Error)
      assert.deepEqual(elsewhere.received, [])
      assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(secret))
    })
  }
})
