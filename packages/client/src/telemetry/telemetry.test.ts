import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { metrics, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { scriptedApi } from '../call/test-support.ts'
import { certificate } from '../credential/certificate.ts'
import { keyPem, makeCertificate, newRsaKey } from '../credential/test-support.ts'
import { clientSecret } from '../credential/secret.ts'
import {
  type Answer,
  CLIENT,
  identityAt,
  isTokenRequest,
  manualClock,
  scriptedServer,
  TENANT,
  tokenAnswer,
} from '../test-support.ts'
import { type Point, type Telemetry, withOpenTelemetry } from './test-support.ts'

const SCOPE = 'api://orders/.default'
const portOf = (origin: string) => Number(new URL(origin).port)
const pointsOf = async (telemetry: Telemetry, name: string) => (await telemetry.points()).get(name) ?? []
const single = async (telemetry: Telemetry, name: string): Promise<Point | undefined> => {
  const points = await pointsOf(telemetry, name)
  assert.equal(points.length, 1, name)
  return points[0]
}

/** An identity at an authority that takes 250 ms for every answer, by its own clock. */
async function identity(t: TestContext, answer: (number: number) => Answer) {
  const clock = manualClock()
  const server = await scriptedServer(t, (_, number) => {
    clock.pass(250)
    return answer(number)
  })
  return { identity: identityAt(server, { clock }), port: portOf(server.origin), clock, server }
}

const REFUSED: Answer = { status: 401, body: { error: 'invalid_client', error_description: 'wrong' } }

describe('a token request', () => {
  it('is a client span with where, what and how it ended, and with its own times', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app, port, clock } = await identity(t, () => tokenAnswer('token-1'))
    const startMs = clock.now()
    await app.getToken(SCOPE)
    const spans = await telemetry.spans()
    assert.equal(spans.length, 1)
    const [span] = spans
    assert.deepEqual(
      [span?.name, span?.kind, span?.status.code],
      ['token request', SpanKind.CLIENT, SpanStatusCode.UNSET],
    )
    assert.deepEqual(span?.attributes, {
      'tomte.client_id': CLIENT,
      'tomte.tenant': TENANT,
      'tomte.scope': SCOPE,
      'server.address': 'localhost',
      'server.port': port,
      'http.response.status_code': 200,
    })
    assert.deepEqual(span.startTime, [startMs / 1000, 0])
    assert.deepEqual(span.duration, [0, 250_000_000])
  })

  it('that is refused is an error by its code alone', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => REFUSED)
    await assert.rejects(app.getToken(SCOPE), { code: 'invalid_client' })
    const [span] = await telemetry.spans()
    assert.equal(span?.attributes['http.response.status_code'], 401)
    assert.equal(span?.attributes['error.type'], 'invalid_client')
    assert.deepEqual(span?.status, { code: SpanStatusCode.ERROR })
    assert.deepEqual(span?.events, [])
  })

  it('whose refusal has a name that is no plain word is of another type', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => ({
      status: 400,
      body: { error: 'a~secret of theirs' },
    }))
    await assert.rejects(app.getToken(SCOPE))
    const [span] = await telemetry.spans()
    assert.equal(span?.attributes['error.type'], '_OTHER')
  })

  it('is below the span that caused it', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => tokenAnswer('token-1'))
    await trace.getTracer('test').startActiveSpan('job', async (job) => {
      await app.getToken(SCOPE)
      job.end()
    })
    const [child, parent] = await telemetry
      .spans()
      .then((all) => all.toSorted((a) => (a.name === 'job' ? 1 : -1)))
    assert.equal(parent?.name, 'job')
    assert.equal(child?.parentSpanContext?.spanId, parent?.spanContext().spanId)
  })

  it('is counted and measured by its outcome, without the tenant', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, (number) => (number === 1 ? REFUSED : tokenAnswer('token')))
    await assert.rejects(app.getToken(SCOPE))
    await app.getToken(SCOPE)
    await app.forTenant('fabrikam.example').getToken(SCOPE)
    const client = { 'tomte.client_id': CLIENT }
    const refused = { ...client, 'tomte.outcome': 'refused', 'error.type': 'invalid_client' }
    const obtained = { ...client, 'tomte.outcome': 'obtained' }
    const counted = await pointsOf(telemetry, 'tomte.token.requests')
    assert.deepEqual(
      counted.map(({ attributes, value }) => [attributes, value]),
      [
        [refused, 1],
        [obtained, 2],
      ],
    )
    const measured = await pointsOf(telemetry, 'tomte.token.request.duration')
    assert.deepEqual(
      measured.map(({ attributes, value }) => [attributes, (value as { readonly sum: number }).sum]),
      [
        [refused, 0.25],
        [obtained, 0.5],
      ],
    )
  })

  it('is not made of a token from memory', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => tokenAnswer('token-1'))
    await app.getToken(SCOPE)
    await app.getToken(SCOPE)
    assert.equal((await telemetry.spans()).length, 1)
  })
})

describe('the gauges of an application', () => {
  it('tell how many tokens it keeps, over all tenants', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => tokenAnswer('token'))
    await app.getToken(SCOPE)
    await app.forTenant('fabrikam.example').getToken(SCOPE)
    const { attributes, value } = (await single(telemetry, 'tomte.tokens.cached')) ?? {}
    assert.deepEqual([attributes, value], [{ 'tomte.client_id': CLIENT }, 2])
    app.forgetTokens()
    assert.equal((await single(telemetry, 'tomte.tokens.cached'))?.value, 1)
  })

  it('tell how long each credential whose end is known still works', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const clock = manualClock()
    const server = await scriptedServer(t, (_, number) => (number === 1 ? REFUSED : tokenAnswer('token')))
    const { certificate: pem, key } = makeCertificate(newRsaKey(), {
      name: 'daemon',
      notBefore: '2026-01-01T00:00:00Z',
      notAfter: '2026-10-01T00:00:00Z',
    })
    const credential = [clientSecret('a secret'), certificate({ pem: `${pem}\n${keyPem(key)}` })]
    await identityAt(server, { clock, credential }).getToken(SCOPE)
    const { attributes, value } = (await single(telemetry, 'tomte.credential.time_to_expiry')) ?? {}
    assert.deepEqual(attributes, { 'tomte.client_id': CLIENT, 'tomte.credential.index': 1 })
    assert.equal(value, (Date.UTC(2026, 9, 1) - clock.now()) / 1000)
    const refusals = await single(telemetry, 'tomte.credential.refusals')
    assert.deepEqual(refusals?.attributes, {
      'tomte.client_id': CLIENT,
      'tomte.credential.index': 0,
      'error.type': 'invalid_client',
    })
  })

  it('count the renewals that failed', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const clock = manualClock()
    const failed = Promise.withResolvers<void>()
    const server = await scriptedServer(t, (_, number) =>
      number === 1 ? tokenAnswer('token') : { status: 503 },
    )
    const app = identityAt(server, {
      clock,
      onEvent: ({ type }) => {
        if (type === 'renewal_failed') failed.resolve()
      },
    })
    await app.getToken(SCOPE)
    clock.pass(1_900_000)
    await app.getToken(SCOPE)
    await failed.promise
    const { attributes, value } = (await single(telemetry, 'tomte.token.renewal_failures')) ?? {}
    assert.deepEqual([attributes, value], [{ 'tomte.client_id': CLIENT, 'error.type': 'http_503' }, 1])
  })
})

describe('an attempt of a call', () => {
  it('is a client span whose address has no query, and hands its trace on', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { orders, calls, origin } = await scriptedApi(t, () => ({ body: {} }))
    await orders.get('/orders?customer=alice')
    const [span] = (await telemetry.spans()).filter(({ name }) => name === 'GET')
    assert.deepEqual(span?.attributes, {
      'http.request.method': 'GET',
      'server.address': 'localhost',
      'server.port': portOf(origin),
      'url.full': `${origin}/v1/orders`,
      'http.response.status_code': 200,
    })
    assert.equal(span.kind, SpanKind.CLIENT)
    const { traceId, spanId } = span.spanContext()
    const sent = calls[0]?.rawHeaders.filter(
      (_, index, raw) => raw[index - 1]?.toLowerCase() === 'traceparent',
    )
    assert.deepEqual(sent, [`00-${traceId}-${spanId}-01`])
  })

  it('that is repeated has a span and a measurement of its own, with the number of the repetition', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { orders, origin } = await scriptedApi(t, (_, number) =>
      number < 3 ? { status: 503 } : { body: {} },
    )
    await orders.get('/orders')
    const spans = (await telemetry.spans()).filter(({ name }) => name === 'GET')
    assert.deepEqual(
      spans.map(({ attributes, status }) => [
        attributes['http.response.status_code'],
        attributes['http.request.resend_count'],
        attributes['error.type'],
        status.code,
      ]),
      [
        [503, undefined, '503', SpanStatusCode.ERROR],
        [503, 1, '503', SpanStatusCode.ERROR],
        [200, 2, undefined, SpanStatusCode.UNSET],
      ],
    )
    const place = {
      'http.request.method': 'GET',
      'server.address': 'localhost',
      'server.port': portOf(origin),
    }
    const measured = await pointsOf(telemetry, 'http.client.request.duration')
    assert.deepEqual(
      measured.map(({ attributes, value }) => [attributes, (value as { readonly count: number }).count]),
      [
        [{ ...place, 'http.response.status_code': 503, 'error.type': '503' }, 2],
        [{ ...place, 'http.response.status_code': 200 }, 1],
      ],
    )
  })

  it('that brings no answer is an error by its code', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { orders } = await scriptedApi(t, () => (response) => response.destroy())
    await assert.rejects(orders.post('/orders', {}), { code: 'api_unreachable' })
    const [span] = (await telemetry.spans()).filter(({ name }) => name === 'POST')
    assert.equal(span?.attributes['error.type'], 'api_unreachable')
    assert.equal(span?.status.code, SpanStatusCode.ERROR)
  })

  it('of a method that nobody knows does not make that the name of a span', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { orders } = await scriptedApi(t, () => ({ body: {} }))
    await orders.call('REPORT', '/orders')
    const [span] = (await telemetry.spans()).filter(({ name }) => name === 'HTTP')
    assert.equal(span?.attributes['http.request.method'], '_OTHER')
  })

  it('keeps the headers that the caller has set', async (t) => {
    withOpenTelemetry(t)
    const { orders, calls } = await scriptedApi(t, () => ({ body: {} }))
    await orders.get('/orders', { headers: { Traceparent: '00-mine' } })
    assert.equal(calls[0]?.headers['traceparent'], '00-mine')
  })

  it('is not traced a second time by an instrumentation of undici', async (t) => {
    withOpenTelemetry(t)
    const { orders } = await scriptedApi(t, () => ({ body: {} }))
    const recording: boolean[] = []
    const instrumentation = () => recording.push(trace.getTracer('undici').startSpan('GET').isRecording())
    const created = channel('undici:request:create')
    created.subscribe(instrumentation)
    t.after(() => created.unsubscribe(instrumentation))
    await orders.get('/orders')
    assert.deepEqual(recording, [false])
  })

  it('does not suffer from a propagator that fails', async (t) => {
    withOpenTelemetry(t)
    propagation.disable()
    const inject = () => {
      throw new Error('broken')
    }
    propagation.setGlobalPropagator({ fields: () => [], extract: (active) => active, inject })
    const { orders } = await scriptedApi(t, () => ({ body: { id: 1 } }))
    assert.deepEqual(await orders.get('/orders/1'), { id: 1 })
  })
})

describe('telemetry', () => {
  it('holds no secret, token or assertion, even when the other side repeats them', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const sent = new Set<string>()
    const secret = 'Secret0fLetters'
    const { certificate: pem, key } = makeCertificate(newRsaKey(), {
      name: 'daemon',
      notBefore: '2020-01-01T00:00:00Z',
      notAfter: '2049-12-31T00:00:00Z',
    })
    const server = await scriptedServer(t, (request, number) => {
      if (!isTokenRequest(request)) {
        sent.add(request.headers.authorization ?? '')
        return {
          status: 400,
          body: { error: { code: request.headers.authorization, message: request.path } },
        }
      }
      const form = new URLSearchParams(request.body)
      const proof = form.get('client_secret') ?? form.get('client_assertion') ?? ''
      sent.add(proof)
      if (number === 1) return { status: 401, body: { error: proof, error_description: proof } }
      sent.add('secret-token')
      return tokenAnswer('secret-token')
    })
    const credential = [clientSecret(secret), certificate({ pem: `${pem}\n${keyPem(key)}` })]
    const app = identityAt(server, { credential })
    const { api } = await import('../call/api.ts')
    const { origin, ca } = server
    const orders = api(app, { baseUrl: `${origin}/v1`, scope: SCOPE, ca })
    await assert.rejects(orders.get(`/orders?key=${secret}`))
    const exported = await telemetry.exported()
    assert.equal(sent.size, 4)
    assert.match(exported, /tomte\.token\.requests/)
    assert.match(exported, /http\.client\.request\.duration/)
    for (const text of [...sent, secret, keyPem(key).slice(40, 90), 'Bearer'])
      assert.ok(!exported.includes(text), `exported ${text.slice(0, 10)}…`)
  })

  it('goes to a meter provider that is registered after the first token', async (t) => {
    const telemetry = withOpenTelemetry(t)
    const { identity: app } = await identity(t, () => tokenAnswer('token'))
    await app.getToken(SCOPE)
    await telemetry.points()
    metrics.disable()
    const later = withOpenTelemetry(t)
    await app.getToken(SCOPE, { forceRefresh: true })
    assert.equal((await single(later, 'tomte.token.requests'))?.value, 1)
    assert.equal((await single(later, 'tomte.tokens.cached'))?.value, 1)
  })

  for (const [program, tried] of [
    ['without OpenTelemetry', false],
    ['whose OpenTelemetry is of a package that the client cannot find', true],
  ] as const) {
    it(`is nothing in a program ${program}`, async () => {
      const file = join(import.meta.dirname, 'absent-api-test-support.ts')
      const args = ['--conditions=@tomte/source', file, ...(tried ? ['registered'] : [])]
      const { stdout } = await promisify(execFile)(process.execPath, args)
      assert.deepEqual(JSON.parse(stdout), { answer: { id: 1 }, headers: 0, tried })
    })
  }

  it('begins with the first events, which wait until it is loaded', async () => {
    const file = join(import.meta.dirname, 'first-event-test-support.ts')
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@tomte/source', file])
    assert.deepEqual(JSON.parse(stdout), ['token request below job'])
  })
})
