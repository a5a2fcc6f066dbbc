import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { answersOf } from './batch.ts'
import { busy, eachItem, get, itemsOf, numbered, post } from './batch-test-support.ts'
import { scriptedApi } from './test-support.ts'

describe('Api.batch loses nothing', () => {
  it('sends headers with each item, and a type of the caller in place of its own', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(() => ({ status: 200 })),
    )
    await orders.batch([
      { ...get('/a'), headers: { ConsistencyLevel: 'eventual' } },
      { ...post('/b'), headers: { 'If-Match': '*' } },
      { ...post('/c'), headers: { 'content-type': 'application/merge-patch+json' } },
    ])
    assert.deepEqual(
      itemsOf(calls[0] ?? assert.fail()).map(({ headers }) => headers),
      [
        { ConsistencyLevel: 'eventual' },
        { 'Content-Type': 'application/json', 'If-Match': '*' },
        { 'content-type': 'application/merge-patch+json' },
      ],
    )
  })

  it('fills envelopes with what has to be sent again', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem((_, envelope) => (envelope === 1 ? busy('1') : { status: 200 })),
    )
    assert.equal((await orders.batch(numbered(60))).length, 60)
    assert.deepEqual(
      calls.map((call) => itemsOf(call).length),
      [20, 20, 20, 20],
    )
  })

  it('keeps the answers of the others beside the error, where no log prints them', async (t) => {
    const { orders } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: url === '/b' ? 403 : 201, body: { url } })),
    )
    const error: unknown = await orders
      .batch([post('/a'), post('/b'), post('/c')])
      .catch((caught: unknown) => caught)
    assert.deepEqual(
      answersOf(error).map((answer) => [answer?.status, answer?.body]),
      [
        [201, { url: '/a' }],
        [403, { url: '/b' }],
        [201, { url: '/c' }],
      ],
    )
    assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes("url: '/a'"))
    assert.deepEqual(answersOf(new Error('another')), [])
  })

  it('sends nothing more after a denial, unless everything is to be settled', async (t) => {
    const denied = eachItem(({ id }) => ({ status: id === '0' ? 403 : 200 }))
    const one = await scriptedApi(t, denied)
    const requests = numbered(2000)
    await assert.rejects(one.orders.batch(requests), { name: 'PermissionError' })
    assert.ok(one.calls.length < 60, `${one.calls.length} envelopes`)
    const all = await scriptedApi(t, denied)
    const answers = await all.orders.batchSettled(requests)
    assert.deepEqual([all.calls.length, answers.length], [100, 2000])
    assert.deepEqual(
      answers.filter(({ error }) => error).map(({ status, error }) => [status, error?.name]),
      [[403, 'PermissionError']],
    )
  })

  it('settles an envelope of which nobody knows whether it was done, beside those that were answered', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request, number) => {
      if (itemsOf(request)[0]?.id === '0') return (response) => response.socket?.destroy()
      return eachItem(({ url }) => ({ status: 201, body: url }))(request, number)
    })
    const answers = await orders.batchSettled(Array.from({ length: 40 }, (_, index) => post(`/${index}`)))
    assert.deepEqual([calls.length, answers.length], [2, 40])
    assert.deepEqual(
      answers.map(({ status, error }) => [status, error?.code]),
      Array.from({ length: 40 }, (_, index) => (index < 20 ? [0, 'api_unreachable'] : [201, undefined])),
    )
  })

  it('asks again for what may be repeated of an envelope that was lost, and for that alone', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request, number) =>
      number === 1
        ? (response) => response.socket?.destroy()
        : eachItem(({ url }) => ({ status: 200, body: url }))(request, number),
    )
    const answers = await orders.batchSettled([get('/a'), post('/b'), { ...post('/c'), repeatable: true }])
    assert.deepEqual(
      answers.map(({ status, body, error }) => [status, body, error?.name]),
      [
        [200, '/a', undefined],
        [0, undefined, 'UnavailableError'],
        [200, '/c', undefined],
      ],
    )
    assert.deepEqual(
      calls.map((call) => itemsOf(call).map(({ url }) => url)),
      [
        ['/a', '/b', '/c'],
        ['/a', '/c'],
      ],
    )
  })

  it('repeats an envelope as a whole where that does no harm', async (t) => {
    const { orders, calls } = await scriptedApi(t, (request, number) =>
      number === 1 ? { status: 503 } : eachItem(() => ({ status: 200 }))(request, number),
    )
    assert.equal((await orders.batch([get('/a'), get('/b')])).length, 2)
    assert.equal(calls.length, 2)
  })

  it('keeps the answers that came when one is missing', async (t) => {
    const { orders } = await scriptedApi(t, () => ({
      body: { responses: [{ id: '1', status: 200, body: 'b' }] },
    }))
    const answers = await orders.batchSettled([get('/a'), get('/b')])
    assert.deepEqual(
      answers.map(({ status, body, error }) => [status, body, error?.code]),
      [
        [0, undefined, 'batch_malformed'],
        [200, 'b', undefined],
      ],
    )
  })

  it('ends with the reason of the signal', async (t) => {
    const stop = new AbortController()
    const reason = new Error('stopped')
    const { orders } = await scriptedApi(t, () => () => stop.abort(reason))
    await assert.rejects(orders.batchSettled(numbered(100), { signal: stop.signal }), reason)
    await assert.rejects(orders.batch([], { signal: stop.signal }), reason)
  })

  it('sends several envelopes at a time, and no more than the pace allows', async (t) => {
    let [underway, most] = [0, 0]
    const { orders } = await scriptedApi(t, (request, number) => {
      underway += 1
      most = Math.max(most, underway)
      const { body } = eachItem(() => ({ status: 200 }))(request, number) as { readonly body: object }
      return (response) => {
        setImmediate(() => {
          underway -= 1
          response.end(JSON.stringify(body))
        })
      }
    })
    assert.equal((await orders.batch(numbered(2000))).length, 2000)
    assert.ok(most > 4 && most <= 64, `${most} at a time`)
  })
})
