import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { boundedRequest } from './bounded-request.ts'
import { plainServer } from './managed-identity/test-support.ts'
import { manualClock, scriptedServer } from './test-support.ts'

const get = (url: string) => ({ method: 'GET', url: new URL(url), headers: { secret: 'kept' } }) as const
const bounds = () => ({ clock: manualClock(), timeoutMs: 30_000, connectMs: 3_000 })

/** A server that accepts connections and says nothing; `accepted` is called for each. */
async function silentServer(t: TestContext, accepted: (socket: Socket) => void) {
  const server = createServer(accepted)
  server.listen(0, 'localhost')
  await once(server, 'listening')
  t.after(() => server.close())
  return `https://localhost:${(server.address() as AddressInfo).port}`
}

describe('boundedRequest', () => {
  it('returns status, headers and body, whatever the status', async (t) => {
    const headers = { 'retry-after': '5', 'www-authenticate': 'Basic realm=x', 'content-type': 'text/plain' }
    const { origin, received } = await plainServer(t, () => ({ status: 418, headers, body: 'tea' }))
    const { date, ...response } = await boundedRequest(get(`${origin}/a?b=c`), bounds())
    assert.deepEqual(response, {
      status: 418,
      contentType: 'text/plain',
      retryAfter: '5',
      wwwAuthenticate: 'Basic realm=x',
      body: 'tea',
    })
    assert.match(date ?? '', / GMT$/)
    const [{ path, headers: sent }] = received as [(typeof received)[0]]
    assert.deepEqual([path, sent['secret'], sent.connection], ['/a?b=c', 'kept', 'close'])
  })

  it('sends a form whole', async (t) => {
    const { origin, received } = await plainServer(t, () => ({}))
    await boundedRequest({ ...get(origin), method: 'POST', body: 'name=Zoë' }, bounds())
    assert.deepEqual([received[0]?.body, received[0]?.headers['content-length']], ['name=Zoë', '9'])
  })

  it('trusts the certificate authority that it is given', async (t) => {
    const { origin, ca } = await scriptedServer(t, () => ({ body: 'yes' }))
    assert.equal((await boundedRequest(get(origin), { ...bounds(), ca })).body, 'yes')
  })

  it('trusts no certificate that is for another name', async (t) => {
    const { origin, ca, received } = await scriptedServer(t, () => ({}), { host: 'elsewhere.example' })
    await assert.rejects(boundedRequest(get(origin), { ...bounds(), ca }), {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
    assert.deepEqual(received, [])
  })

  it('gives up on a pinned host that accepts the connection and never shows its certificate', async (t) => {
    const clock = manualClock()
    const closed = Promise.withResolvers<boolean>()
    const origin = await silentServer(t, (socket) => {
      socket.on('error', () => {})
      socket.on('close', () => closed.resolve(true))
      clock.pass(3_000)
    })
    const thumbprint = 'ab'.repeat(20)
    await assert.rejects(boundedRequest(get(origin), { ...bounds(), clock, thumbprint }), {
      message: 'no connection within 3000 ms',
    })
    assert.equal(await closed.promise, true)
  })

  it('fails when the answer breaks off', async (t) => {
    const { origin } = await plainServer(t, () => (response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    await assert.rejects(boundedRequest(get(origin), bounds()), { code: 'ECONNRESET' })
  })

  it('leaves no alarm behind', async (t) => {
    const { origin } = await plainServer(t, () => ({}))
    const clock = manualClock()
    let alarms = 0
    const counting = {
      ...clock,
      after: (ms: number, end: () => void) => {
        alarms += 1
        const cancel = clock.after(ms, end)
        let open = true
        return () => {
          if (open) alarms -= 1
          open = false
          cancel()
        }
      },
    }
    await boundedRequest(get(origin), { ...bounds(), clock: counting })
    assert.equal(alarms, 0)
  })
})
