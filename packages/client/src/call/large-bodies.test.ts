import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { manualClock } from '../test-support.ts'
import { scriptedApi } from './test-support.ts'

const MIB = 1024 * 1024

async function sizeOf(body: Readable): Promise<number> {
  let size = 0
  for await (const chunk of body as AsyncIterable<Buffer>) size += chunk.length
  return size
}

describe('an answer', () => {
  const tooLong = (max: number) => ({
    name: 'ProtocolError',
    code: 'answer_too_long',
    message: `Cannot read the answer to GET /v1/orders, as it must be of ${max} bytes at most: found more`,
    hint: 'Ask for less, with $select or $top, take download() for a file, or raise answerMaxBytes',
  })

  it('is read up to the limit and no byte further, and not asked for again', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      ({ path }) => ({ body: `"${'x'.repeat(Number(path.split('/').at(-1)))}"` }),
      { answerMaxBytes: 1000 },
    )
    assert.equal(String(await orders.get('/orders/998')).length, 998)
    await assert.rejects(orders.get('/orders/999'), { code: 'answer_too_long' })
    assert.deepEqual([calls.length, orders.retries], [2, 0])
  })

  it('is 32 MiB long at most unless told otherwise, even if it never ends', async (t) => {
    let written = 0
    const { orders } = await scriptedApi(t, () => (response) => {
      const piece = Buffer.alloc(MIB, ' ')
      const write = () => {
        while (written < 200 && !response.destroyed) {
          written += 1
          if (!response.write(piece)) return void response.once('drain', write)
        }
      }
      write()
    })
    await assert.rejects(orders.get('/orders?name=anna'), tooLong(32 * MIB))
    assert.ok(written < 100, `${written} MiB were written`)
  })
})

describe('Api.download', () => {
  it('hands on what is larger than any limit', async (t) => {
    const { orders, calls } = await scriptedApi(
      t,
      () => ({ headers: { 'x-name': 'a' }, body: 'x'.repeat(3 * MIB) }),
      { answerMaxBytes: 1000 },
    )
    const { status, headers, body } = await orders.download('/file')
    assert.deepEqual([status, headers['x-name'], await sizeOf(body)], [200, 'a', 3 * MIB])
    assert.deepEqual([calls[0]?.headers.accept, calls[0]?.headers.authorization], ['*/*', 'Bearer token-1'])
  })

  it('reads the reason of a refusal, and repeats what may be repeated', async (t) => {
    const { orders, calls } = await scriptedApi(t, (_, number) =>
      number === 1 ? { status: 503 } : { status: 404, body: { error: { code: 'gone', message: 'No.' } } },
    )
    await assert.rejects(orders.download('/file'), {
      name: 'ApiError',
      message: 'Cannot GET /v1/file: status 404, gone: No.',
    })
    assert.equal(calls.length, 2)
  })

  it('tells a body that breaks off from one that is whole', async (t) => {
    const { orders } = await scriptedApi(t, () => (response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('x', () => response.socket?.destroy())
    })
    const { body } = await orders.download('/file')
    await assert.rejects(sizeOf(body))
  })

  it('waits for the next piece no longer than for an answer', async (t) => {
    const { orders } = await scriptedApi(t, () => (response) => void response.write('x'), { timeoutMs: 100 })
    const { body } = await orders.download('/file')
    await assert.rejects(sizeOf(body), /Body Timeout/)
  })

  it('waits for the head of the answer no longer than for any other', async (t) => {
    const clock = manualClock()
    const { orders, origin } = await scriptedApi(t, () => () => clock.pass(100_000), { clock })
    await assert.rejects(orders.download('/file', { repeatable: false }), {
      name: 'UnavailableError',
      message: `Cannot GET ${origin}/v1/file, as the API must be reachable: no answer within 100000 ms`,
    })
  })

  it('ends with the reason of the signal', async (t) => {
    const stop = new AbortController()
    const reason = new Error('stopped')
    const { orders } = await scriptedApi(t, () => () => stop.abort(reason))
    await assert.rejects(orders.download('/file', { signal: stop.signal }), reason)
    await assert.rejects(orders.download('/file', { signal: AbortSignal.abort(reason) }), reason)
  })
})

describe('Api.upload', () => {
  it('sends bytes as they are', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => ({ body: { id: 1 } }))
    const answer = await orders.upload('PUT', '/photo', Buffer.from('bytes'), { contentType: 'image/jpeg' })
    assert.deepEqual(answer, { id: 1 })
    const { headers, body } = calls[0] ?? assert.fail()
    assert.deepEqual([headers['content-type'], headers['content-length'], body], ['image/jpeg', '5', 'bytes'])
  })

  it('makes a stream anew for every attempt', async (t) => {
    let made = 0
    const { orders, calls } = await scriptedApi(t, (_, number) =>
      number === 1 ? { status: 503 } : { body: { number } },
    )
    const content = () => {
      made += 1
      return Readable.from([Buffer.alloc(MIB, 'a'), Buffer.from(`${made}`)])
    }
    assert.deepEqual(await orders.upload('PUT', '/file', content, { size: MIB + 1 }), { number: 2 })
    assert.deepEqual(
      calls.map(({ headers, body }) => [headers['content-length'], body.length, body.at(-1)]),
      [
        [`${MIB + 1}`, MIB + 1, '1'],
        [`${MIB + 1}`, MIB + 1, '2'],
      ],
    )
  })

  it('does not send a POST again of which a part may have arrived', async (t) => {
    const { orders, calls } = await scriptedApi(t, () => (response) => response.socket?.destroy())
    const content = () => Readable.from([Buffer.alloc(1000)])
    await assert.rejects(orders.upload('POST', '/file', content), { name: 'UnavailableError' })
    assert.equal(calls.length, 1)
  })

  it('says what is wrong with a stream that fails', async (t) => {
    const { orders } = await scriptedApi(t, () => ({ body: {} }))
    const failing = () => {
      const stream = new Readable({ read() {} })
      stream.push(Buffer.alloc(10))
      void once(stream, 'data').then(() => stream.destroy(new Error('disk gone')))
      return stream
    }
    await assert.rejects(orders.upload('POST', '/file', failing), /disk gone/)
  })
})
