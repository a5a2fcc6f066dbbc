import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { BatchRequest } from './batch.ts'
import { busy, eachItem, itemsOf, numbered, post } from './batch-test-support.ts'
import { scriptedApi } from './test-support.ts'

describe('Api.batch with dependencies', () => {
  const depending = (url: string, ...dependsOn: number[]): BatchRequest => ({ ...post(url), dependsOn })

  it('keeps those in one envelope in order, and names them by their ids', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(() => ({ status: 201 })),
    )
    await orders.batch([post('/a'), depending('/b', 0), depending('/c', 0, 1)])
    assert.deepEqual(
      itemsOf(calls[0] ?? assert.fail()).map(({ id, dependsOn }) => [id, dependsOn]),
      [
        ['0', undefined],
        ['1', ['0']],
        ['2', ['0', '1']],
      ],
    )
  })

  it('sends an item once what it depends on has succeeded in an earlier envelope', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: 200, body: url })),
    )
    const requests = [...numbered(25), depending('/last', 0, 24)]
    const answers = await orders.batch(requests)
    assert.equal(answers.at(-1)?.body, '/last')
    const place = (id: string) => calls.findIndex((call) => itemsOf(call).some((item) => item.id === id))
    assert.ok(place('25') >= place('24') && place('25') >= place('0'))
    const last = itemsOf(calls[place('25')] ?? assert.fail()).find(({ id }) => id === '25')
    assert.deepEqual(last?.dependsOn, place('24') === place('25') ? ['24'] : undefined)
  })

  it('sends chains of any length in as few envelopes as there can be', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(() => ({ status: 200 })),
    )
    const chain = Array.from({ length: 50 }, (_, index) =>
      index === 0 ? post('/0') : depending(`/${index}`, index - 1),
    )
    assert.equal((await orders.batch(chain)).length, 50)
    assert.deepEqual(
      calls.map((call) => itemsOf(call).length),
      [20, 20, 10],
    )
    assert.equal(itemsOf(calls[1] ?? assert.fail())[0]?.dependsOn, undefined)
  })

  it('does not send what depends on a failure in an earlier envelope', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }) => ({ status: url === '/orders/0' ? 404 : 200 })),
    )
    const answers = await orders.batch([...numbered(20), depending('/b', 0), depending('/c', 20)])
    assert.deepEqual(
      answers.slice(20).map(({ status, body }) => [status, body]),
      [1, 2].map(() => [
        424,
        {
          error: {
            code: 'FailedDependency',
            message: 'A request that this one depends on has not succeeded.',
          },
        },
      ]),
    )
    assert.equal(calls.length, 1)
  })

  it('sends again what was not done because another item was throttled', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      eachItem(({ url }, envelope) => {
        if (envelope > 1) return { status: 201, body: url }
        return url === '/a' ? busy('2') : { status: 424 }
      }),
    )
    const answers = await orders.batch([post('/a'), depending('/b', 0), depending('/c', 1)])
    assert.deepEqual(
      answers.map(({ status, body }) => [status, body]),
      [
        [201, '/a'],
        [201, '/b'],
        [201, '/c'],
      ],
    )
    assert.deepEqual(
      calls.map((call) => itemsOf(call).length),
      [3, 3],
    )
  })

  for (const wrong of [1, 2, -1, 0.5, Number.NaN]) {
    it(`refuses one that depends on ${wrong} in place 1, before anything is sent`, async (t) => {
      const { orders, server } = await scriptedApi(t, () => ({ body: {} }))
      await assert.rejects(orders.batch([post('/a'), depending('/b', wrong)]), {
        name: 'ConfigurationError',
        code: 'batch_order_invalid',
        message: `Cannot batch request 1, as what it depends on must come before it: found ${wrong}`,
        hint: 'Name places in the list of requests, counted from 0',
      })
      assert.deepEqual(server.received, [])
    })
  }
})
