import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { ConfigurationError } from '../errors.ts'
import { scriptedServer } from '../test-support.ts'
import { formPoster } from './request.ts'

const form = (fields: Record<string, string> = { grant_type: 'client_credentials' }) => ({
  body: new URLSearchParams(fields),
  headers: {},
})

const DATE = 'Mon, 21 Sep 2026 14:00:00 GMT'
const NETWORK_HINT = 'Check the network and any proxy between this machine and the other side, then run again'

const unreachable = (origin: string, found: string, hint = NETWORK_HINT) => ({
  name: 'UnavailableError',
  code: 'authority_unreachable',
  message: `Cannot get a token, as the authority ${origin} must be reachable: ${found}`,
  hint,
})

const untrusted = (origin: string, found: string, hint: string) => ({
  name: 'ConfigurationError',
  code: 'authority_untrusted',
  message: `Cannot get a token, as the certificate of the authority ${origin} must be trusted: ${found}`,
  hint,
})

describe('formPoster', () => {
  it('posts the fields form-encoded, with the headers of the form', async (t) => {
    const server = await scriptedServer(t, () => ({ body: {} }))
    const fields = { scope: 'api://orders/.default', password: 'a+b &=%é\n', empty: '' }
    const post = formPoster({ ca: server.ca })
    await post(`${server.origin}/t/token`, {
      body: new URLSearchParams(fields),
      headers: { 'client-request-id': 'an-id' },
    })
    const [sent] = server.received
    assert.equal(sent?.method, 'POST')
    assert.equal(sent.path, '/t/token')
    assert.equal(sent.body, 'scope=api%3A%2F%2Forders%2F.default&password=a%2Bb+%26%3D%25%C3%A9%0A&empty=')
    assert.deepEqual(Object.fromEntries(new URLSearchParams(sent.body)), fields)
    assert.equal(sent.headers['content-type'], 'application/x-www-form-urlencoded')
    assert.equal(sent.headers['content-length'], String(sent.body.length))
    assert.equal(sent.headers.accept, 'application/json')
    assert.equal(sent.headers['accept-encoding'], 'identity')
    assert.equal(sent.headers['client-request-id'], 'an-id')
  })

  it('lets no field or header of the form change what is posted', async (t) => {
    const server = await scriptedServer(t, () => ({ body: {} }))
    const headers = { 'content-type': 'text/plain', accept: 'text/html' }
    await formPoster({ ca: server.ca })(server.origin, { ...form(), headers })
    assert.equal(server.received[0]?.headers['content-type'], 'application/x-www-form-urlencoded')
    assert.equal(server.received[0].headers.accept, 'application/json')
  })

  it('returns what came back uninterpreted', async (t) => {
    const server = await scriptedServer(t, () => ({
      status: 429,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '60', date: DATE },
      body: 'Too Many Requests é',
    }))
    assert.deepEqual(await formPoster({ ca: server.ca })(server.origin, form()), {
      status: 429,
      contentType: 'text/plain; charset=utf-8',
      retryAfter: '60',
      date: DATE,
      body: 'Too Many Requests é',
    })
  })

  it('returns an answer without type or body', async (t) => {
    const server = await scriptedServer(t, () => (response) => {
      response.sendDate = false
      response.writeHead(204).end()
    })
    assert.deepEqual(await formPoster({ ca: server.ca })(server.origin, form()), {
      status: 204,
      contentType: '',
      retryAfter: undefined,
      date: undefined,
      body: '',
    })
  })

  it('puts characters together that arrive in two pieces', async (t) => {
    const bytes = Buffer.from('"é"')
    const server = await scriptedServer(t, () => (response) => {
      response.write(bytes.subarray(0, 2), () => response.end(bytes.subarray(2)))
    })
    assert.equal((await formPoster({ ca: server.ca })(server.origin, form())).body, '"é"')
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows no redirect of status ${status}`, async (t) => {
      const elsewhere = await scriptedServer(t, () => ({ body: 'elsewhere' }))
      const server = await scriptedServer(t, (_, number) =>
        number === 1 ? { status, headers: { location: elsewhere.origin } } : { body: 'again' },
      )
      const answer = await formPoster({ ca: server.ca + elsewhere.ca })(server.origin, form())
      assert.equal(answer.status, status)
      assert.equal(server.received.length, 1)
      assert.deepEqual(elsewhere.received, [])
    })
  }

  it('keeps one connection for many requests', async (t) => {
    const ports = new Set<number | undefined>()
    const server = await scriptedServer(t, () => (response) => {
      ports.add(response.socket?.remotePort)
      response.end('{}')
    })
    const post = formPoster({ ca: server.ca })
    await post(server.origin, form())
    await post(server.origin, form())
    assert.equal(ports.size, 1)
    assert.equal(server.received.length, 2)
  })
})

describe('formPoster gives up', () => {
  it('when the server never answers', async (t) => {
    const server = await scriptedServer(t, () => () => {})
    await assert.rejects(
      formPoster({ ca: server.ca, timeoutMs: 50 })(server.origin, form()),
      unreachable(server.origin, 'no answer within 50 ms'),
    )
  })

  it('when the server begins to answer and never ends', async (t) => {
    const server = await scriptedServer(t, () => (response) => {
      response.write('{"access_token":')
    })
    await assert.rejects(
      formPoster({ ca: server.ca, timeoutMs: 500 })(server.origin, form()),
      unreachable(server.origin, 'no answer within 500 ms'),
    )
    assert.ok(server.received.length <= 1)
  })

  it('when the server accepts the connection and says nothing, not even about TLS', async (t) => {
    const silent = createServer(() => {})
    silent.listen(0, 'localhost')
    await once(silent, 'listening')
    t.after(() => silent.close())
    const origin = `https://localhost:${(silent.address() as AddressInfo).port}`
    await assert.rejects(
      formPoster({ timeoutMs: 50 })(origin, form()),
      unreachable(origin, 'no answer within 50 ms'),
    )
  })

  it('when the answer is longer than a token response can be', async (t) => {
    const server = await scriptedServer(t, () => ({ body: 'x'.repeat(2 * 1024 * 1024) }))
    await assert.rejects(
      formPoster({ ca: server.ca })(server.origin, form()),
      unreachable(server.origin, 'the answer is longer than 1048576 bytes'),
    )
  })

  it('but reads an answer of just that length', async (t) => {
    const server = await scriptedServer(t, () => ({ body: 'x'.repeat(1024 * 1024) }))
    assert.equal((await formPoster({ ca: server.ca })(server.origin, form())).body.length, 1024 * 1024)
  })

  it('when nothing listens', async () => {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    await once(server, 'close')
    const origin = `https://127.0.0.1:${port}`
    await assert.rejects(
      formPoster()(origin, form()),
      unreachable(
        origin,
        `connect ECONNREFUSED 127.0.0.1:${port}`,
        `Check that something listens at ${origin}`,
      ),
    )
  })

  it('when the connection is reset in the middle of the answer', async (t) => {
    const server = await scriptedServer(t, () => (response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{"access_token":', () => response.socket?.destroy())
    })
    await assert.rejects(
      formPoster({ ca: server.ca })(server.origin, form()),
      unreachable(server.origin, 'aborted'),
    )
  })

  it('when the connection is closed without an answer', async (t) => {
    const server = await scriptedServer(t, () => (response) => response.socket?.destroy())
    await assert.rejects(
      formPoster({ ca: server.ca })(server.origin, form()),
      unreachable(server.origin, 'socket hang up'),
    )
  })

  it('when it does not know the certificate authority, and says where to name it', async (t) => {
    const server = await scriptedServer(t, () => ({ body: {} }))
    const error: unknown = await formPoster()(server.origin, form()).catch((caught: unknown) => caught)
    assert.ok(error instanceof ConfigurationError && error.cause instanceof Error)
    const hint = `Set NODE_EXTRA_CA_CERTS to the PEM file of the certificate authority that ${server.origin} uses, before the program starts`
    assert.equal('code' in error.cause && error.cause.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    // The words after it differ between releases of Node.
    assert.match(error.cause.message, /^self-signed certificate/)
    assert.throws(
      () => {
        throw error
      },
      untrusted(server.origin, error.cause.message, hint),
    )
    assert.deepEqual(server.received, [])
  })

  it('when the certificate is for another host', async (t) => {
    const server = await scriptedServer(t, () => ({ body: {} }), { host: 'login.example' })
    await assert.rejects(
      formPoster({ ca: server.ca })(server.origin, form()),
      untrusted(
        server.origin,
        "Hostname/IP does not match certificate's altnames: Host: localhost. is not in the cert's altnames: DNS:login.example",
        `Check the host name in ${server.origin}: its certificate is for another`,
      ),
    )
    assert.deepEqual(server.received, [])
  })

  it('when the certificate of the server has expired', async (t) => {
    const server = await scriptedServer(t, () => ({ body: {} }), { notAfter: '2021-01-01T00:00:00Z' })
    await assert.rejects(
      formPoster({ ca: server.ca })(server.origin, form()),
      untrusted(
        server.origin,
        'certificate has expired',
        `Compare this machine's clock with the dates of the certificate of ${server.origin}`,
      ),
    )
    assert.deepEqual(server.received, [])
  })

  it('and shows nothing of the form in the error', async (t) => {
    const server = await scriptedServer(t, () => (response) => response.socket?.destroy())
    const proof = crypto.randomUUID()
    const error: unknown = await formPoster({ ca: server.ca })(
      server.origin,
      form({ client_assertion: proof }),
    ).catch((caught: unknown) => caught)
    assert.ok(error instanceof Error)
    assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(proof))
  })
})
