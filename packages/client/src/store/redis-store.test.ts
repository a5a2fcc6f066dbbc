import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { createClient } from 'redis'
import { systemClock } from '../clock.ts'
import { storeRules } from './conformance.ts'
import { redisStore } from './redis-store.ts'
import { ENTRY_MAX_BYTES } from './store.ts'

const url = process.env['REDIS_URL'] ?? ''
const skip = url === '' && 'no Redis: run by `npm test`, or set REDIS_URL'
const signal = new AbortController().signal
const pass = (ms: number) => systemClock.sleep(ms)
const NAME = 'a'.repeat(43)

function opened(t: TestContext, prefix = `test:${crypto.randomUUID()}:`) {
  const make = () => {
    const store = redisStore({ url, prefix })
    t.after(() => store.close())
    return store
  }
  return { store: make(), other: make(), prefix }
}

async function client(t: TestContext) {
  const raw = createClient({ url })
  t.after(() => raw.destroy())
  await raw.connect()
  return raw
}

describe('redisStore', { skip, concurrency: true }, () => {
  for (const { name, holds } of storeRules) {
    it(name, async (t) => holds({ ...opened(t), pass }))
    it(`${name}, with a client of the application`, async (t) => {
      const prefix = `test:${crypto.randomUUID()}:`
      const [store, other] = [await client(t), await client(t)].map((raw) =>
        redisStore({ client: raw, prefix }),
      )
      assert.ok(store && other)
      await holds({ store, other, pass })
    })
  }

  it('leaves nothing in Redis that does not end by itself', async (t) => {
    const { store, prefix } = opened(t)
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    await store.lease(NAME, 'one', 60_000, signal)
    const raw = await client(t)
    const keys = (await raw.keys(`${prefix}*`)).sort()
    assert.deepEqual(keys, [`${prefix}lease:${NAME}`, `${prefix}token:${NAME}`])
    for (const key of keys) assert.ok((await raw.pTTL(key)) > 0)
  })

  it('gives nothing of a value that is too large, that never ends, or that is no text', async (t) => {
    const { store, prefix } = opened(t)
    const raw = await client(t)
    const key = `${prefix}token:${NAME}`
    await raw.set(key, 'x'.repeat(ENTRY_MAX_BYTES + 1), { PX: 60_000 })
    assert.equal(await store.get(NAME, signal), undefined)
    await raw.set(key, 'endless')
    assert.equal(await store.get(NAME, signal), undefined)
    await raw.del(key)
    await raw.lPush(key, 'a list')
    await assert.rejects(store.get(NAME, signal), /WRONGTYPE/)
  })

  it('gives a connection up that has fallen silent, as soon as nobody waits, and connects anew', async (t) => {
    const way = await wayTo(t, url)
    const store = redisStore({ url: way.url, prefix: `test:${crypto.randomUUID()}:` })
    t.after(() => store.close())
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    way.silence()
    const limit = new AbortController()
    const failed = assert.rejects(store.get(NAME, limit.signal))
    await new Promise((resolve) => setImmediate(resolve))
    limit.abort()
    await failed
    assert.equal((await store.get(NAME, signal))?.value.length, 5)
    assert.equal(way.connections(), 2)
  })

  it('connects anew after its connection has broken, and after it was closed', async (t) => {
    const way = await wayTo(t, url)
    const store = redisStore({ url: way.url, prefix: `test:${crypto.randomUUID()}:` })
    t.after(() => store.close())
    await store.put(NAME, Buffer.from('value'), 60_000, signal)
    const broken = way.cut()
    await store.get(NAME, signal).catch(() => {})
    await broken
    assert.equal((await store.get(NAME, signal))?.value.length, 5)
    await store.close()
    await store.close()
    assert.equal((await store.get(NAME, signal))?.value.length, 5)
    assert.equal(way.connections(), 3)
  })
})

/** A way to a server that can be cut, or fall silent. */
async function wayTo(t: TestContext, address: string) {
  const target = new URL(address)
  const open = new Set<Socket>()
  let connections = 0
  const server = createServer((near) => {
    connections += 1
    const far = connect(Number(target.port), target.hostname)
    for (const socket of [near, far]) {
      open.add(socket)
      socket
        .on('error', () => {})
        .on('close', () => {
          open.delete(socket)
          near.destroy()
          far.destroy()
        })
    }
    near.pipe(far).pipe(near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = async () => {
    const closed = [...open].map((socket) => once(socket, 'close'))
    for (const socket of open) socket.destroy()
    await Promise.all(closed)
  }
  t.after(async () => {
    await cut()
    server.close()
  })
  const near = new URL(address)
  near.hostname = '127.0.0.1'
  near.port = String((server.address() as AddressInfo).port)
  const silence = () => {
    for (const socket of open) socket.unpipe().pause()
  }
  return { url: near.href, cut, silence, connections: () => connections }
}

describe('redisStore where there is no Redis', () => {
  it('fails at once when nothing listens, and each time anew', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const store = redisStore({ url: `redis://127.0.0.1:${port}` })
    for (let attempt = 0; attempt < 2; attempt += 1)
      await assert.rejects(store.get(NAME, signal), { code: 'ECONNREFUSED' })
    await store.close()
  })

  it('gives up a server that takes the connection and says nothing, as soon as nobody waits', async (t) => {
    const server = createServer(() => {})
    const sockets: { destroy(): void }[] = []
    server.on('connection', (socket) => sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const store = redisStore({ url: `redis://127.0.0.1:${port}` })
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      const limit = new AbortController()
      const connected = once(server, 'connection')
      const failed = assert.rejects(store.get(NAME, limit.signal), { message: 'no answer to the connection' })
      await connected
      limit.abort()
      await failed
      assert.equal(sockets.length, attempt)
    }
  })

  for (const [address, found] of [
    ['', 'no URL'],
    ['cache:6379', 'cache:'],
    ['https://daemon:secret@cache', 'https:'],
    ['redis://[', 'no URL'],
  ] as const) {
    it(`is not made with the address '${address}', and does not repeat it`, () => {
      assert.throws(() => redisStore({ url: address }), {
        name: 'ConfigurationError',
        code: 'store_address_invalid',
        message: `Cannot share tokens by Redis, as an address that begins with rediss:// or redis:// is needed: found ${found}`,
      })
    })
  }
})
