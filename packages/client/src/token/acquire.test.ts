import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Credential } from '../credential/credential.ts'
import { CredentialError } from '../errors.ts'
import type { IdentityEvent } from '../events.ts'
import { type Answer, scriptedServer, tokenAnswer } from '../test-support.ts'
import { acquirer } from './acquire.ts'
import { formPoster } from './request.ts'
import { START_MS, virtualClock } from './test-support.ts'

const S = 'api://orders/.default'
const named =
  (name: string): Credential =>
  ({ body }) =>
    body.set('client_secret', name)

/** An authority that answers for each credential as told; `tried` are the credentials in the order they came. */
async function scripted(t: Parameters<typeof scriptedServer>[0], answers: Record<string, Answer>) {
  const tried: string[] = []
  const told: IdentityEvent[] = []
  const server = await scriptedServer(t, ({ body }) => {
    const name = new URLSearchParams(body).get('client_secret') ?? ''
    tried.push(name)
    return answers[name] ?? tokenAnswer(name)
  })
  const clock = virtualClock()
  let sent = 0
  const make = (credentials: readonly Credential[]) =>
    acquirer({
      clientId: 'daemon',
      endpointOf: (tenant) => ({ url: `${server.origin}/${tenant}/oauth2/v2.0/token` }),
      tell: (event) => told.push(event),
      credentials,
      post: formPoster({ ca: server.ca }),
      clock,
      sent: () => {
        sent += 1
      },
    })
  return { server, tried, told, make, clock, answers, sent: () => sent }
}

const refusal = (status: number, error: string, code: number): Answer => ({
  status,
  body: { error, error_description: `AADSTS${code}: No.`, error_codes: [code] },
})
const WRONG = refusal(401, 'invalid_client', 7000215)

describe('acquirer', () => {
  it('tries credentials in order, and the one that worked first from then on', async (t) => {
    const { make, tried, answers, sent } = await scripted(t, { one: WRONG, two: WRONG })
    const acquire = make(['one', 'two', 'three'].map(named))
    assert.equal((await acquire({ tenant: 'contoso.example', scope: S })).accessToken, 'three')
    await acquire({ tenant: 'other.example', scope: S })
    assert.deepEqual(tried.splice(0), ['one', 'two', 'three', 'three'])
    answers['three'] = WRONG
    delete answers['one']
    assert.equal((await acquire({ tenant: 'contoso.example', scope: S })).accessToken, 'one')
    assert.deepEqual(tried, ['three', 'one'])
    assert.equal(sent(), 6)
  })

  it('is not made without a credential', async (t) => {
    const { make } = await scripted(t, {})
    assert.throws(() => make([]), {
      name: 'ConfigurationError',
      code: 'credential_missing',
      message: 'Cannot make the identity, as at least one credential is needed: found an empty list',
    })
  })

  it('fails with the first refusal when all are refused', async (t) => {
    const { make } = await scripted(t, { one: WRONG, two: refusal(401, 'invalid_client', 7000222) })
    await assert.rejects(make(['one', 'two'].map(named))({ tenant: 'contoso.example', scope: S }), {
      name: 'CredentialError',
      aadsts: [7000215],
    })
  })

  for (const [name, answer, next] of [
    ['invalid_client', refusal(400, 'invalid_client', 50012), true],
    ['401 with another error', refusal(401, 'unauthorized_client', 50012), true],
    ['401 with nothing else', { status: 401, body: {} }, true],
    ['7000229, a missing service principal', refusal(401, 'invalid_client', 7000229), false],
    ['700016, an unknown application', refusal(401, 'invalid_client', 700016), false],
    ['501051, a missing assignment', refusal(400, 'invalid_client', 501051), false],
    ['invalid_scope', refusal(400, 'invalid_scope', 70011), false],
    ['429', { status: 429, body: 'Too Many Requests' }, false],
    ['503', { status: 503, body: 'down' }, false],
  ] as const) {
    it(`${next ? 'goes on to the next credential' : 'tries no other credential'} after ${name}`, async (t) => {
      const { make, tried } = await scripted(t, { one: answer })
      await make(['one', 'two'].map(named))({ tenant: 'contoso.example', scope: S }).catch(() => {})
      assert.deepEqual(tried, next ? ['one', 'two'] : ['one'])
    })
  }

  it('goes on after a credential that says itself that it is of no use, and not after a bug', async (t) => {
    const { make, tried } = await scripted(t, {})
    const throwing =
      (error: Error): Credential =>
      () =>
        Promise.reject(error)
    const useless = throwing(new CredentialError('It has expired', { code: 'expired' }))
    await make([useless, named('two')])({ tenant: 'contoso.example', scope: S })
    const bug = new TypeError('a bug')
    await assert.rejects(make([throwing(bug), named('two')])({ tenant: 'contoso.example', scope: S }), bug)
    assert.deepEqual(tried, ['two'])
  })

  it('sends claims when there are some', async (t) => {
    const { make, server } = await scripted(t, {})
    const acquire = make([named('one')])
    await acquire({ tenant: 'contoso.example', scope: S })
    await acquire({ tenant: 'contoso.example', scope: S, claims: '{"access_token":{}}' })
    const claims = server.received.map(({ body }) => new URLSearchParams(body).get('claims'))
    assert.deepEqual(claims, [null, '{"access_token":{}}'])
  })

  it('counts a lifetime from when it asked', async (t) => {
    const { make, clock, answers } = await scripted(t, {})
    answers['one'] = (response) => {
      void clock.advance(7000).then(() => {
        response.end('{"token_type":"Bearer","expires_in":60,"access_token":"a"}')
      })
    }
    const token = await make([named('one')])({ tenant: 'contoso.example', scope: S })
    assert.equal(token.expiresAtMs, START_MS + 60_000)
  })

  it('tells of each request and of each credential that was refused while there is another', async (t) => {
    const { make, told } = await scripted(t, { one: WRONG })
    await make(['one', 'two'].map(named))({ tenant: 'contoso.example', scope: S })
    const facts = told.map((event) => [event.type, 'tenant' in event && event.tenant])
    assert.deepEqual(facts, [
      ['token_refused', 'contoso.example'],
      ['credential_refused', 'contoso.example'],
      ['token_obtained', 'contoso.example'],
    ])
    assert.equal(told[1]?.type === 'credential_refused' && told[1].credential, 0)
    await assert.rejects(make([named('one')])({ tenant: 'contoso.example', scope: S }))
    assert.deepEqual(
      told.slice(3).map(({ type }) => type),
      ['token_refused'],
    )
  })

  it('passes on how long the authority asks to be left alone', async (t) => {
    const headers = { 'retry-after': '60' }
    const { make } = await scripted(t, { one: { status: 429, headers, body: 'Too Many Requests' } })
    await assert.rejects(make([named('one')])({ tenant: 'contoso.example', scope: S }), {
      name: 'UnavailableError',
      code: 'http_429',
      retryAfterMs: 60_000,
    })
  })
})
