import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { TomteError } from '../errors.ts'
import { seeded } from '../token/test-support.ts'
import { readIdentityAnswer } from './answer.ts'
import { imds } from './imds.ts'
import { appService } from './app-service.ts'
import { USER_ASSIGNED } from './test-support.ts'

const NOW_MS = Date.UTC(2026, 8, 21)
const NOW_SECONDS = NOW_MS / 1000
const SECRET = crypto.randomUUID()
const IMDS = imds({})
const APP_SERVICE = appService({ IDENTITY_ENDPOINT: 'http://localhost/x', IDENTITY_HEADER: SECRET }) ?? IMDS
const ASKED = { source: IMDS, resource: 'https://vault.azure.net', clientId: undefined, sentAtMs: NOW_MS }

const response = (status: number, body: unknown, retryAfter?: string) => ({
  status,
  contentType: 'application/json',
  retryAfter,
  wwwAuthenticate: undefined,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
const read = (body: unknown, asked: Partial<Parameters<typeof readIdentityAnswer>[1]> = {}) =>
  readIdentityAnswer(response(200, body), { ...ASKED, ...asked }, NOW_MS)
const good = (facts: object) => ({ access_token: 'a-token', token_type: 'Bearer', ...facts })

describe('readIdentityAnswer', () => {
  for (const [facts, endsInSeconds] of [
    [{ expires_on: String(NOW_SECONDS + 86_399) }, 86_399],
    [{ expires_on: NOW_SECONDS + 86_399 }, 86_399],
    // What a cache has given out is older than its lifetime says.
    [{ expires_on: String(NOW_SECONDS + 600), expires_in: '86399' }, 600],
    [{ expires_on: '9/21/2026 1:00:00 AM +00:00' }, 3600],
    [{ expires_on: '09/21/2026 02:00:00 PM +02:00' }, 43_200],
    [{ expires_on: '2026-09-21T01:00:00.000Z' }, 3600],
    [{ expires_in: '3599' }, 3599],
    [{ expires_in: 3599, expires_on: '' }, 3599],
    [{}, 0],
  ] as const) {
    it(`reads the end in ${JSON.stringify(facts)}`, () => {
      assert.deepEqual(read(good(facts)), {
        accessToken: 'a-token',
        expiresAtMs: NOW_MS + endsInSeconds * 1000,
        refreshAtMs: NOW_MS + endsInSeconds * 500,
      })
    })
  }

  it('is content without a token type, and with a lower-case one', () => {
    assert.equal(read({ access_token: 'a', expires_in: 60 }).accessToken, 'a')
    assert.equal(read({ access_token: 'a', expires_in: 60, token_type: 'bearer' }).accessToken, 'a')
  })

  for (const [body, found] of [
    ['<html>', 'it has no "access_token"'],
    ['[]', 'it has no "access_token"'],
    [{ token_type: 'Bearer' }, 'it has no "access_token"'],
    [good({ access_token: '' }), 'it has no "access_token"'],
    [good({ token_type: 'pop' }), '"token_type" is not Bearer'],
    [good({ token_type: 7 }), '"token_type" is not Bearer'],
    [good({ expires_on: 'tomorrow' }), '"expires_on" is no moment'],
    [good({ expires_on: '-5' }), '"expires_on" is no moment'],
    [good({ expires_on: {} }), '"expires_on" is no moment'],
    [good({ expires_in: 'soon' }), '"expires_in" is no number of seconds'],
    [good({ expires_in: -1 }), '"expires_in" is no number of seconds'],
  ] as const) {
    it(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(() => read(body), {
        name: 'ProtocolError',
        code: 'identity_answer_malformed',
        message: `Cannot use the answer of the instance metadata service, as a JSON object with a Bearer token and its end is needed: ${found}`,
        hint: 'Check that nothing else answers at http://169.254.169.254, such as a proxy',
      })
    })
  }

  it('refuses the token of another identity than the selected one', () => {
    const mine = good({ expires_in: 60, client_id: USER_ASSIGNED.toUpperCase() })
    assert.equal(read(mine, { clientId: USER_ASSIGNED }).accessToken, 'a-token')
    assert.throws(() => read(good({ expires_in: 60, client_id: 'other' }), { clientId: USER_ASSIGNED }), {
      name: 'ProtocolError',
      code: 'identity_mismatch',
      message: `Cannot use the token of the instance metadata service, as it must be that of the managed identity '${USER_ASSIGNED}': it is that of 'other'`,
    })
  })
})

const NOT_FOUND = 'Assign a managed identity to this host, or check the id that selects one'
const SAY_WHICH = 'Say which identity is meant: by clientId, objectId or resourceId'
const RESTART = 'Start the program again, so that it sees the variables that its host has set meanwhile'
const several =
  'Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request'
const oauth = (error: string, words: string) => ({ error, error_description: words })
const NOT_ASSIGNED = 'No User Assigned or Delegated Managed Identity found for specified ClientId'

interface Refusal {
  readonly status: number
  readonly body: unknown
  readonly name: string
  readonly code: string
  readonly said: string
  readonly facts?: object
  readonly retryAfter?: string
}

const REFUSALS: readonly Refusal[] = [
  {
    status: 400,
    body: oauth('invalid_request', 'Identity not found'),
    name: 'ConfigurationError',
    code: 'invalid_request',
    said: 'Identity not found',
    facts: { hint: NOT_FOUND },
  },
  {
    status: 400,
    body: oauth('invalid_request', several),
    name: 'ConfigurationError',
    code: 'invalid_request',
    said: several,
    facts: { hint: SAY_WHICH },
  },
  {
    status: 400,
    body: oauth('invalid_resource', 'AADSTS500011: No such resource. Trace ID: 1'),
    name: 'ConfigurationError',
    code: 'invalid_resource',
    said: 'AADSTS500011: No such resource.',
    facts: {
      aadsts: [500011],
      hint: 'Check the resource in the scope: it must exist in the identity’s tenant',
    },
  },
  {
    status: 400,
    body: oauth('bad_request_102', 'Required metadata header not specified'),
    name: 'ConfigurationError',
    code: 'bad_request_102',
    said: 'Required metadata header not specified',
    facts: { hint: 'Check that no proxy stands between this program and its host' },
  },
  {
    status: 400,
    body: { statusCode: 400, message: NOT_ASSIGNED, correlationId: 'c-1' },
    name: 'ConfigurationError',
    code: 'http_400',
    said: NOT_ASSIGNED,
    facts: { hint: NOT_FOUND, correlationId: 'c-1' },
  },
  {
    status: 401,
    body: oauth('unknown_source', 'Unknown Source'),
    name: 'ConfigurationError',
    code: 'unknown_source',
    said: 'Unknown Source',
    facts: { hint: RESTART },
  },
  {
    status: 403,
    body: { error: { code: 'Forbidden', message: 'Not for you' } },
    name: 'PermissionError',
    code: 'Forbidden',
    said: 'Not for you',
  },
  { status: 301, body: '', name: 'ConfigurationError', code: 'http_301', said: 'HTTP status 301' },
  {
    status: 404,
    body: 'Not Found',
    name: 'UnavailableError',
    code: 'http_404',
    said: 'HTTP status 404',
    facts: { retryAfterMs: 1000 },
  },
  {
    status: 410,
    body: '',
    name: 'UnavailableError',
    code: 'http_410',
    said: 'HTTP status 410',
    facts: { retryAfterMs: 10_000 },
  },
  {
    status: 429,
    body: '',
    name: 'UnavailableError',
    code: 'http_429',
    said: 'HTTP status 429',
    facts: { retryAfterMs: 7000 },
    retryAfter: '7',
  },
  {
    status: 500,
    body: oauth('unknown', 'Failed to retrieve token from the Active directory.\nFor details see logs'),
    name: 'UnavailableError',
    code: 'unknown',
    said: 'Failed to retrieve token from the Active directory.',
    facts: { retryAfterMs: undefined },
  },
]

describe('readIdentityAnswer of a refusal', () => {
  for (const { status, body, name, code, said, facts, retryAfter } of REFUSALS) {
    it(`makes ${name} of ${status} ${JSON.stringify(body).slice(0, 60)}`, () => {
      const message = `Cannot get a managed identity's token for 'https://vault.azure.net' from the instance metadata service: ${said}`
      assert.throws(() => readIdentityAnswer(response(status, body, retryAfter), ASKED, NOW_MS), {
        name,
        code,
        message,
        ...facts,
      })
    })
  }

  it('takes 404 for final where no identity is on its way', () => {
    const body = { error: { code: 'ManagedIdentityNotFound', message: 'Managed identity not found' } }
    assert.throws(() => readIdentityAnswer(response(404, body), { ...ASKED, source: APP_SERVICE }, NOW_MS), {
      name: 'ConfigurationError',
      code: 'ManagedIdentityNotFound',
      hint: NOT_FOUND,
    })
  })

  it('never repeats the secret of the endpoint', () => {
    const body = { error: { code: `x ${SECRET}`, message: `header ${SECRET} and ${SECRET} is wrong` } }
    assert.throws(
      () => readIdentityAnswer(response(400, body), { ...ASKED, source: APP_SERVICE }, NOW_MS),
      (error: Error) => {
        assert.match(error.message, /: header … and … is wrong$/)
        return !inspect(error, { depth: Infinity, showHidden: true }).includes(SECRET)
      },
    )
  })
})

describe('readIdentityAnswer of anything', () => {
  it('gives a token with its end, or one of our errors without the token', () => {
    const random = seeded(11)
    const pick = <Choice>(choices: readonly Choice[]) =>
      choices[Math.floor(random() * choices.length)] as Choice
    const token = crypto.randomUUID()
    const wild = [
      undefined,
      null,
      '',
      '0',
      '-1',
      'NaN',
      '1e400',
      9e15,
      -5,
      true,
      [],
      {},
      token,
      '9/9/9999 9:99:99 AM +00:00',
    ]
    let tokens = 0
    for (let run = 0; run < 5_000; run += 1) {
      const body = {
        access_token: random() < 0.7 ? token : pick(wild),
        token_type: random() < 0.5 ? 'Bearer' : pick(wild),
        expires_on: pick([...wild, String(NOW_SECONDS + 5)]),
        expires_in: pick([...wild, '3599']),
        client_id: pick(wild),
        error: pick([...wild, { code: 'x', message: 5 }]),
      }
      const text = JSON.stringify(body)
      const sent = random() < 0.8 ? text : text.slice(0, Math.floor(random() * text.length))
      const asked = { ...ASKED, clientId: pick([undefined, USER_ASSIGNED]) }
      try {
        const read = readIdentityAnswer(response(pick([200, 200, 200, 302, 400, 503]), sent), asked, NOW_MS)
        tokens += 1
        assert.ok(read.accessToken !== '' && Number.isFinite(read.expiresAtMs))
        assert.ok(read.refreshAtMs >= NOW_MS && read.refreshAtMs <= Math.max(NOW_MS, read.expiresAtMs))
      } catch (error) {
        assert.ok(error instanceof TomteError, String(error))
        if (body.client_id !== token && body.error !== token)
          assert.ok(!inspect(error, { depth: Infinity }).includes(token))
      }
    }
    assert.ok(tokens > 100)
  })
})
