import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as immediate } from 'node:timers/promises'
import { scriptedApi } from './test-support.ts'
import type { Received } from '../test-support.ts'

/** An API whose pages lie at /v1/orders/0, 1, 2 …, the last one without a next link. */
const pagesOf =
  (...pages: readonly (readonly unknown[])[]) =>
  ({ path, headers }: Received) => {
    const number = Number(path.split('/').at(-1))
    const next = `https://${headers.host}/v1/orders/${number + 1}`
    return { body: { value: pages[number], ...(number + 1 < pages.length && { '@odata.nextLink': next }) } }
  }

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}

const malformed = (found: string) => ({
  name: 'ProtocolError',
  code: 'page_malformed',
  message: `Cannot read the page, as a collection with "value" and "@odata.nextLink" is needed: found ${found}`,
})

describe('Api.pages', () => {
  it('reads item by item over all pages, and empty pages do not end it', async (t) => {
    const { orders, calls } = await scriptedApi(t, pagesOf([1, 2], [], [], [3], []))
    assert.deepEqual(await all(orders.pages('/orders/0')), [1, 2, 3])
    assert.equal(calls.length, 5)
  })

  it('reads an empty collection', async (t) => {
    const { orders } = await scriptedApi(t, pagesOf([]))
    assert.deepEqual(await all(orders.pages('/orders/0')), [])
  })

  it('asks for the next page while the items of one are read, and for no more', async (t) => {
    const { orders, calls } = await scriptedApi(t, pagesOf([1, 2], [3], [4]))
    for await (const item of orders.pages('/orders/0')) {
      if (item === 1) while (calls.length < 2) await immediate()
      if (item === 2) break
    }
    assert.equal(calls.length, 2)
  })

  it('is not ended by the next page, which nobody wants any more, when it fails', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request, number) =>
      number === 1 ? pagesOf([1], [2])(request) : { status: 404, body: {} },
    )
    for await (const _ of orders.pages('/orders/0')) {
      while (calls.length < 2) await immediate()
      for (let turn = 0; turn < 20; turn += 1) await immediate()
      break
    }
  })

  it('goes on page by page from a link that was kept', async (t) => {
    const { orders, calls } = await scriptedApi(t, pagesOf([1, 2], [], [3]))
    const read = async (from: string) => {
      const pages: (readonly unknown[])[] = []
      let kept: string | undefined = from
      for await (const { items, next } of orders.pages(from).byPage()) {
        pages.push(items)
        kept = next
        if (pages.length === 2) break
      }
      return { pages, kept }
    }
    const first = await read('/orders/0')
    assert.deepEqual(first, { pages: [[1, 2], []], kept: `${orders.baseUrl}orders/2` })
    assert.deepEqual(await read(first.kept ?? ''), { pages: [[3]], kept: undefined })
    assert.ok(calls.length >= 3)
  })

  it('stops with the reason of the signal', async (t) => {
    const controller = new AbortController()
    const reason = new Error('stopped')
    const { orders } = await scriptedApi(t, pagesOf([1], [2], [3]))
    const read = async () => {
      for await (const item of orders.pages('/orders/0', { signal: controller.signal }))
        if (item === 1) controller.abort(reason)
    }
    await assert.rejects(read(), reason)
  })

  it('follows a link as it is, and sends the headers of the caller with every page', async (t) => {
    const { orders, calls } = await scriptedApi(t, ({ headers }, number) => ({
      body: {
        value: [number],
        ...(number === 1 && {
          '@odata.nextLink': `https://${headers.host}/v1/orders?$skiptoken=X%2FY%20z&a=%27`,
        }),
      },
    }))
    const headers = { ConsistencyLevel: 'eventual' }
    assert.deepEqual(await all(orders.pages('/orders?$top=1', { headers })), [1, 2])
    assert.deepEqual(
      calls.map((call) => [call.path, call.headers['consistencylevel']]),
      [
        ['/v1/orders?$top=1', 'eventual'],
        ['/v1/orders?$skiptoken=X%2FY%20z&a=%27', 'eventual'],
      ],
    )
  })

  it('waits and goes on when a page in the middle is throttled', async (t) => {
    let throttled = false
    const { orders, clock } = await scriptedApi(t, (request) => {
      if (!request.path.endsWith('/1') || throttled) return pagesOf([1], [2])(request)
      throttled = true
      return { status: 429, headers: { 'retry-after': '3' }, body: {} }
    })
    assert.deepEqual(await all(orders.pages('/orders/0')), [1, 2])
    assert.deepEqual(clock.slept, [3000])
  })

  it('sends no token to a link that leads elsewhere', async (t) => {
    const { orders, calls, origin } = await scriptedApi(t, () => ({
      body: { value: [1], '@odata.nextLink': 'https://evil.example/orders' },
    }))
    await assert.rejects(all(orders.pages('/orders')), {
      name: 'ProtocolError',
      code: 'foreign_origin',
      message: `Cannot call https://evil.example, as the token may only be sent to ${origin}`,
    })
    assert.equal(calls.length, 1)
  })

  it('ends when links lead in a circle', async (t) => {
    const { orders, calls } = await scriptedApi(t, ({ path, headers }) => ({
      body: {
        value: [path],
        '@odata.nextLink': `https://${headers.host}/v1/${path.endsWith('a') ? 'b' : 'a'}`,
      },
    }))
    await assert.rejects(all(orders.pages('/a')), malformed('a next link that was followed before'))
    assert.ok(calls.length <= 6, `${calls.length} calls`)
  })

  const bodies: readonly (readonly [found: string, body: object])[] = [
    ['no "value" list', {}],
    ['no "value" list', { value: {} }],
    ['no "value" list', { value: null }],
    ['no "value" list', { value: 'x' }],
    ['no "value" list', []],
    ['a next link that is no text', { value: [], '@odata.nextLink': 1 }],
    ['a next link that is no text', { value: [], '@odata.nextLink': null }],
    ['a next link that is no text', { value: [], '@odata.nextLink': ['x'] }],
  ]
  for (const [found, body] of bodies) {
    it(`refuses ${JSON.stringify(body)}`, async (t) => {
      const { orders } = await scriptedApi(t, () => ({ body }))
      await assert.rejects(all(orders.pages('/orders')), malformed(found))
    })
  }

  it('refuses an answer without a body', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ body: '' }))
    await assert.rejects(all(orders.pages('/orders')), malformed('no "value" list'))
  })
})
