import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { proxyFromEnvironment } from './proxy.ts'
import { scriptedApi } from './call/test-support.ts'
import { identityAt, scriptedServer, tokenAnswer } from './test-support.ts'

/** A proxy that connects whoever says the word, and writes down what it was asked and what it could read. */
async function startProxy(t: TestContext, word?: string) {
  const asked: string[] = []
  const heard: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = createServer((_, response) => response.writeHead(405).end())
  server.on('connect', (request, socket: Socket) => {
    asked.push(request.url ?? '')
    if (word !== undefined && request.headers['proxy-authorization'] !== word) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const { hostname, port } = new URL(`https://${request.url}`)
    const there = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      socket.on('data', (chunk: Buffer) => heard.push(chunk))
      socket.pipe(there).pipe(socket)
    })
    for (const end of [socket, there]) {
      sockets.add(end)
      end.on('error', () => {})
    }
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: `localhost:${(server.address() as AddressInfo).port}`, asked, heard }
}

describe('an API behind a proxy', () => {
  it('is reached through its tunnel, in which nobody reads the token', async (t) => {
    const proxy = await startProxy(t)
    const { orders, calls, origin } = await scriptedApi(t, () => ({ body: { id: 1 } }), {
      proxy: proxyFromEnvironment({ HTTPS_PROXY: `http://${proxy.host}` }),
    })
    assert.deepEqual(await orders.get('/orders'), { id: 1 })
    assert.deepEqual([proxy.asked, calls.length], [[new URL(origin).host], 1])
    assert.ok(proxy.heard.length > 0)
    assert.ok(!Buffer.concat(proxy.heard).includes('token-1'))
  })

  it('gets its tokens through the same tunnel', async (t) => {
    const proxy = await startProxy(t)
    const server = await scriptedServer(t, () => tokenAnswer('token-1'))
    const route = proxyFromEnvironment({ HTTPS_PROXY: `http://${proxy.host}` })
    const identity = identityAt(server, { proxy: route })
    assert.equal((await identity.getToken('api://orders/.default')).token, 'token-1')
    assert.deepEqual(proxy.asked, [new URL(server.origin).host])
    assert.ok(!Buffer.concat(proxy.heard).includes('token-1'))
  })

  it('is reached by whoever has the word', async (t) => {
    const word = crypto.randomUUID()
    const proxy = await startProxy(t, `Basic ${Buffer.from(`me:${word}`).toString('base64')}`)
    const { orders } = await scriptedApi(t, () => ({ body: { id: 1 } }), {
      proxy: { url: `http://me:${word}@${proxy.host}`, except: '' },
    })
    assert.deepEqual(await orders.get('/orders'), { id: 1 })
  })

  it('is not asked for anything when the proxy refuses, and nothing that was said to the proxy is repeated', async (t) => {
    const proxy = await startProxy(t, 'Basic something else')
    const word = crypto.randomUUID()
    const { orders, calls } = await scriptedApi(t, () => ({ body: {} }), {
      proxy: { url: `http://me:${word}@${proxy.host}`, except: '' },
    })
    const error: unknown = await orders.post('/orders', {}).catch((caught: unknown) => caught)
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'UnavailableError')
    assert.ok(!JSON.stringify([error.message, String(error.cause)]).includes(word))
    assert.deepEqual(calls, [])
  })

  it('is called directly where NO_PROXY says so', async (t) => {
    const proxy = await startProxy(t)
    const { orders } = await scriptedApi(t, () => ({ body: { id: 1 } }), {
      proxy: proxyFromEnvironment({ https_proxy: `http://${proxy.host}`, no_proxy: 'localhost' }),
    })
    assert.deepEqual(await orders.get('/orders'), { id: 1 })
    assert.deepEqual(proxy.asked, [])
  })
})

describe('proxyFromEnvironment', () => {
  const url = 'http://proxy.example:8080'
  const cases: readonly (readonly [object, unknown])[] = [
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ HTTP_PROXY: url }, undefined],
    [{ HTTPS_PROXY: ` ${url} ` }, { url, except: '' }],
    [
      { HTTPS_PROXY: 'http://other.example', https_proxy: url },
      { url, except: '' },
    ],
    [{ HTTPS_PROXY: 'http://other.example', https_proxy: '' }, undefined],
    [
      { HTTPS_PROXY: url, NO_PROXY: '.example,localhost' },
      { url, except: '.example,localhost' },
    ],
    [
      { HTTPS_PROXY: url, NO_PROXY: 'a', no_proxy: 'b' },
      { url, except: 'b' },
    ],
  ]
  for (const [environment, proxy] of cases) {
    it(`makes ${JSON.stringify(proxy)} of ${JSON.stringify(environment)}`, () => {
      assert.deepEqual(proxyFromEnvironment(environment as Record<string, string>), proxy)
    })
  }

  for (const [given, found] of [
    ['proxy.example:8080', 'proxy.example:8080'],
    ['socks5://me:word@proxy.example', 'socks5://…@proxy.example'],
    ['nonsense', 'nonsense'],
  ] as const) {
    it(`refuses '${given}' and repeats no password`, () => {
      assert.throws(() => proxyFromEnvironment({ HTTPS_PROXY: given }), {
        name: 'ConfigurationError',
        code: 'proxy_invalid',
        message: `Cannot use the proxy of HTTPS_PROXY, as it must be an http:// or https:// URL: found '${found}'`,
        hint: 'Set it to such as http://proxy.contoso.example:8080, or unset it',
      })
    })
  }
})
