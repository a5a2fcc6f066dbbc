import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { TomteError, UnavailableError } from '../errors.ts'
import type { RawResponse } from './request.ts'
import { type Asked, readTokenResponse } from './response.ts'

const ASKED = { clientId: 'nightly-sync', tenant: 'contoso.example', scope: 'api://orders/.default' }
const TRACE = '0f7a2a0e-6a1d-4b39-8c0e-9d8c7b6a5f00'
const CORRELATION = '5b1f6f3e-0d0a-4a53-9f6f-1f2c3d4e5f60'

const NOW_MS = Date.UTC(2026, 8, 21, 14, 0, 0)

function refusalOf(status: number, body: unknown, contentType = 'application/json'): TomteError {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return refusalOfRaw({ status, contentType, retryAfter: undefined, body: text })
}

function refusalOfRaw(response: RawResponse, asked: Partial<Asked> = {}): TomteError {
  try {
    readTokenResponse(response, { ...ASKED, ...asked }, NOW_MS)
  } catch (error) {
    assert.ok(error instanceof TomteError)
    return error
  }
  throw new Error('the answer was taken')
}

/** What the authority sends for a number of its catalogue. */
const envelope = (error: string, code: number) => ({
  error,
  error_description: `AADSTS${code}: What happened. Trace ID: ${TRACE} Correlation ID: ${CORRELATION} Timestamp: 2026-09-21 14:01:02Z`,
  error_codes: [code],
  timestamp: '2026-09-21 14:01:02Z',
  trace_id: TRACE,
  correlation_id: CORRELATION,
  error_uri: `https://login.microsoftonline.com/error?code=${code}`,
})

const facts = ({ name, code, message, hint, aadsts, correlationId, traceId }: TomteError) => ({
  name,
  code,
  message,
  hint,
  aadsts,
  correlationId,
  traceId,
})

const refused = (said: string) =>
  `Cannot get a token for application 'nightly-sync' in tenant 'contoso.example' with scope 'api://orders/.default': ${said}`

const UNKNOWN_TENANT = 'Check the tenant (AZURE_TENANT_ID) and the cloud (AZURE_AUTHORITY_HOST)'
const UNKNOWN_CLIENT =
  'Check the client id (AZURE_CLIENT_ID) and that the application is installed in this tenant'
const UNKNOWN_CERTIFICATE =
  'Register the public half of this certificate on the application, or point the configuration at the one that is registered'
const CLOCK = 'Compare this machine’s clock with the server’s, then sign a new assertion'
const NO_PRINCIPAL =
  'An administrator of the tenant has to add the application’s service principal there, for example by admin consent'
const PUBLIC = 'Make the application a confidential client, or sign in without a credential'
const DISABLED = 'An administrator has to enable the application in the tenant'
const RESOURCE = 'Check the resource in the scope, and that its service principal exists in this tenant'

describe('readTokenResponse turns the number of a refusal into the class of its remedy', () => {
  const table = [
    [90002, 400, 'invalid_tenant', 'ConfigurationError', UNKNOWN_TENANT],
    [900023, 400, 'invalid_request', 'ConfigurationError', undefined],
    [900144, 400, 'invalid_request', 'ConfigurationError', undefined],
    [70003, 400, 'unsupported_grant_type', 'ConfigurationError', undefined],
    [70011, 400, 'invalid_scope', 'ConfigurationError', undefined],
    [1002012, 400, 'invalid_scope', 'ConfigurationError', undefined],
    [500011, 400, 'invalid_resource', 'ConfigurationError', RESOURCE],
    [700016, 400, 'unauthorized_client', 'ConfigurationError', UNKNOWN_CLIENT],
    [700027, 401, 'invalid_client', 'CredentialError', UNKNOWN_CERTIFICATE],
    [700024, 401, 'invalid_client', 'CredentialError', CLOCK],
    [700021, 401, 'invalid_client', 'CredentialError', undefined],
    [7000215, 401, 'invalid_client', 'CredentialError', undefined],
    [7000218, 401, 'invalid_client', 'CredentialError', undefined],
    [7000222, 401, 'invalid_client', 'CredentialError', undefined],
    [7000229, 401, 'invalid_client', 'PermissionError', NO_PRINCIPAL],
    [7000229, 401, 'unauthorized_client', 'PermissionError', NO_PRINCIPAL],
    [700016, 401, 'invalid_client', 'ConfigurationError', UNKNOWN_CLIENT],
    [700025, 401, 'invalid_client', 'ConfigurationError', PUBLIC],
    [90002, 401, 'invalid_client', 'ConfigurationError', UNKNOWN_TENANT],
    [7000215, 401, 'unauthorized_client', 'CredentialError', undefined],
    [7000112, 400, 'unauthorized_client', 'PermissionError', DISABLED],
    [501051, 400, 'invalid_grant', 'PermissionError', undefined],
    [501051, 401, 'invalid_client', 'PermissionError', undefined],
    [65001, 400, 'invalid_grant', 'PermissionError', undefined],
    [500014, 400, 'invalid_resource', 'PermissionError', undefined],
    [53003, 400, 'invalid_grant', 'PermissionError', undefined],
    [90055, 429, 'temporarily_unavailable', 'UnavailableError', undefined],
    [90033, 503, 'temporarily_unavailable', 'UnavailableError', undefined],
    [90033, 400, 'temporarily_unavailable', 'UnavailableError', undefined],
    [90024, 500, 'server_error', 'UnavailableError', undefined],
    [50196, 429, 'invalid_grant', 'UnavailableError', undefined],
  ] as const
  for (const [number, status, error, name, hint] of table) {
    it(`${number} with status ${status}: ${name}`, () => {
      assert.deepEqual(facts(refusalOf(status, envelope(error, number))), {
        name,
        code: error,
        message: refused(`AADSTS${number}: What happened.`),
        hint,
        aadsts: [number],
        correlationId: CORRELATION,
        traceId: TRACE,
      })
    })
  }

  it('and takes the hint of the first number that has one', () => {
    const body = { ...envelope('invalid_client', 70002), error_codes: [70002, 700024, 700027] }
    assert.deepEqual(facts(refusalOf(401, body)), {
      ...facts(refusalOf(401, envelope('invalid_client', 70002))),
      aadsts: [70002, 700024, 700027],
      hint: CLOCK,
    })
  })
})

describe('readTokenResponse of a refusal', () => {
  const bare = { hint: undefined, aadsts: [], correlationId: undefined, traceId: undefined }

  const plain = [
    ['429 in plain text', 429, 'Too Many Requests', 'text/plain', 'UnavailableError'],
    ['500 without a body', 500, '', '', 'UnavailableError'],
    ['503 in HTML', 503, '<html>down</html>', 'text/html', 'UnavailableError'],
    ['503 with a list', 503, '[]', 'application/json', 'UnavailableError'],
    ['401 without a reason', 401, '{}', 'application/json', 'CredentialError'],
    ['404 with JSON of another kind', 404, '{"message":"no"}', 'application/json', 'ConfigurationError'],
    ['201 with a token', 201, '{"access_token":"the-token"}', 'application/json', 'ConfigurationError'],
  ] as const
  for (const [what, status, body, type, name] of plain) {
    it(`says of ${what} no more than the status`, () => {
      assert.deepEqual(facts(refusalOf(status, body, type)), {
        ...bare,
        name,
        code: `http_${status}`,
        message: refused(`HTTP status ${status}`),
      })
    })
  }

  it('is one even with status 200 and a token', () => {
    const body = { error: 'invalid_scope', token_type: 'Bearer', expires_in: 1, access_token: 'the-token' }
    assert.deepEqual(facts(refusalOf(200, body)), {
      ...bare,
      name: 'ConfigurationError',
      code: 'invalid_scope',
      message: refused('HTTP status 200'),
    })
  })

  it('passes over fields of the wrong type', () => {
    const body = {
      error: 5,
      error_description: ['x'],
      error_codes: ['700016', null, {}],
      correlation_id: 7,
      trace_id: '',
    }
    assert.deepEqual(facts(refusalOf(400, body)), {
      ...bare,
      name: 'ConfigurationError',
      code: 'http_400',
      message: refused('HTTP status 400'),
    })
    assert.deepEqual(refusalOf(400, { ...body, error_codes: '700016' }).aadsts, [])
  })

  const descriptions = [
    ['spaces before the ids', `AADSTS1: No. Trace ID: ${TRACE} Correlation ID: x`],
    ['line breaks before the ids, as until 2023', `AADSTS1: No.\r\nTrace ID: ${TRACE}\r\nCorrelation ID: x`],
    ['a line feed alone', 'AADSTS1: No.\nadmin logged in'],
    ['a carriage return alone', 'AADSTS1: No.\radmin logged in'],
  ] as const
  for (const [name, description] of descriptions) {
    it(`repeats the first line of a description with ${name}`, () => {
      const { message } = refusalOf(400, { error: 'invalid_request', error_description: description })
      assert.equal(message, refused('AADSTS1: No.'))
    })
  }
})

describe('readTokenResponse sees from what was sent and when', () => {
  const refusal = (code: number, facts: Partial<RawResponse>, asked: Partial<Asked> = {}) =>
    refusalOfRaw(
      {
        status: 401,
        contentType: 'application/json',
        retryAfter: undefined,
        body: JSON.stringify(envelope('invalid_client', code)),
        ...facts,
      },
      asked,
    )

  const AGREES =
    'This machine’s clock agrees with the server’s: sign a new assertion, and check the times it states'
  const differs = (how: string) =>
    `This machine’s clock is ${how} the server’s: set it right, then sign a new assertion`
  const dates = [
    ['Mon, 21 Sep 2026 14:02:05 GMT', differs('125 s behind')],
    ['Mon, 21 Sep 2026 13:00:00 GMT', differs('3600 s ahead of')],
    ['Mon, 21 Sep 2026 14:00:03 GMT', differs('3 s behind')],
    ['Mon, 21 Sep 2026 13:59:58 GMT', AGREES],
    ['Mon, 21 Sep 2026 14:00:02 GMT', AGREES],
    ['yesterday', CLOCK],
    [undefined, CLOCK],
  ] as const
  for (const [date, hint] of dates) {
    it(`how far the clocks differ when the answer is dated ${date ?? 'not at all'}`, () => {
      assert.equal(refusal(700024, { date }).hint, hint)
    })
  }

  it('that the id of a secret was sent in place of its value, and repeats it nowhere', () => {
    const secret = crypto.randomUUID()
    for (const sent of [secret, secret.toUpperCase()]) {
      const error = refusal(7000215, {}, { secret: sent })
      assert.equal(
        error.hint,
        'This is the secret’s id, not its value: use the value, which is shown once, when the secret is made',
      )
      assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).toLowerCase().includes(secret))
    }
  })

  it('that another secret is none', () => {
    for (const secret of [`${crypto.randomUUID()}x`, crypto.randomUUID().slice(1), '', null, undefined])
      assert.equal(refusal(7000215, {}, { secret }).hint, undefined)
    assert.equal(refusal(7000222, {}, { secret: crypto.randomUUID() }).hint, undefined)
  })

  const waits = [
    ['60', 60_000],
    ['0', 0],
    ['Mon, 21 Sep 2026 14:00:30 GMT', 30_000],
    ['Mon, 21 Sep 2026 13:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ] as const
  for (const [retryAfter, expected] of waits) {
    it(`how long to wait when asked for ${retryAfter ?? 'nothing'}`, () => {
      const error = refusal(90055, { status: 429, body: 'Too Many Requests', retryAfter })
      assert.ok(error instanceof UnavailableError)
      assert.equal(error.retryAfterMs, expected)
    })
  }
})
