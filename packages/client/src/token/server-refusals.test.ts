import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { TomteError } from '../errors.ts'
import { readTokenResponse } from './response.ts'

const ISSUER = 'https://id.example'
const SERVER = {
  issuer: ISSUER,
  tokenEndpoint: `${ISSUER}/token`,
  authMethods: [],
  signingAlgorithms: undefined,
}
const ASKED = { clientId: 'daemon', tenant: ISSUER, scope: 'orders.read', server: SERVER }

function refusalOf(status: number, body: object, asked: object = {}): TomteError {
  const response = {
    status,
    contentType: 'application/json',
    retryAfter: undefined,
    body: JSON.stringify(body),
  }
  try {
    readTokenResponse(response, { ...ASKED, ...asked }, 0)
  } catch (error) {
    assert.ok(error instanceof TomteError)
    return error
  }
  throw new Error('the answer was taken')
}

const CLIENT =
  'Check that the server knows this client id with this credential, and takes it the way it was sent'
const GRANT = 'An administrator of the server has to allow this client the client credentials grant'
const SCOPE = 'Ask for scopes that the server has for this client, or for none with an empty text'

describe('readTokenResponse, of a server other than Microsoft’s', () => {
  const table = [
    [401, 'invalid_client', 'CredentialError', CLIENT],
    [400, 'invalid_client', 'CredentialError', CLIENT],
    // As Keycloak answers a wrong secret.
    [401, 'unauthorized_client', 'CredentialError', CLIENT],
    [400, 'unauthorized_client', 'PermissionError', GRANT],
    [
      403,
      'access_denied',
      'PermissionError',
      'An administrator of the server has to allow this client what it asks for',
    ],
    [400, 'invalid_scope', 'ConfigurationError', SCOPE],
    [
      400,
      'invalid_target',
      'ConfigurationError',
      'Set `parameters.resource` to a resource that the server knows',
    ],
    [
      400,
      'unsupported_grant_type',
      'ConfigurationError',
      'Enable the client credentials grant on the server',
    ],
    [400, 'invalid_request', 'ConfigurationError', undefined],
    [400, 'interaction_required', 'ConfigurationError', undefined],
    [400, 'constructor', 'ConfigurationError', undefined],
    [200, 'invalid_scope', 'ConfigurationError', SCOPE],
    [400, 'temporarily_unavailable', 'UnavailableError', undefined],
    [400, 'server_error', 'UnavailableError', undefined],
    [503, 'invalid_client', 'UnavailableError', undefined],
    [429, 'slow_down', 'UnavailableError', undefined],
  ] as const
  for (const [status, error, name, hint] of table) {
    it(`turns ${status} ${error} into ${name}, and speaks of no tenant`, () => {
      const found = refusalOf(status, { error, error_description: 'No.', error_codes: [7000229] })
      assert.deepEqual(
        {
          name: found.name,
          code: found.code,
          hint: found.hint,
          aadsts: found.aadsts,
          message: found.message,
        },
        {
          name,
          code: error,
          hint,
          aadsts: [],
          message: `Cannot get a token for application 'daemon' at '${ISSUER}' with scope 'orders.read': No.`,
        },
      )
    })
  }

  it('names a request without a scope as that', () => {
    const { message } = refusalOf(400, { error: 'invalid_scope' }, { scope: '' })
    assert.equal(
      message,
      `Cannot get a token for application 'daemon' at '${ISSUER}' without a scope: HTTP status 400`,
    )
  })

  const token = 'an-opaque-token-of-some-length'
  const echoes = [
    ['the token of the same answer', { access_token: token, error_description: `see ${token}.` }, 'see ….'],
    ['a refresh token', { refresh_token: token, error_description: token }, '…'],
    ['the secret that was sent', { error_description: `bad secret '${token}'` }, "bad secret '…'"],
    [
      'what looks like a JWT',
      { error_description: 'bad eyJhbGciOiJub25lIn0.eyJhIjoxfQ.sig here' },
      'bad … here',
    ],
    ['control characters', { error_description: 'a\u001b[31mb\u0000c\u0085d' }, 'a [31mb c d'],
    ['more than a thousand characters', { error_description: 'x'.repeat(2_000_000) }, 'x'.repeat(1000)],
  ] as const
  for (const [what, body, said] of echoes) {
    it(`repeats of a description no more than is fit for a log: not ${what}`, () => {
      const error = refusalOf(400, { error: 'invalid_request', ...body }, { secret: token })
      assert.equal(
        error.message,
        `Cannot get a token for application 'daemon' at '${ISSUER}' with scope 'orders.read': ${said}`,
      )
      assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(token))
    })
  }

  it('takes as code and ids only what can be one', () => {
    for (const wild of ['x'.repeat(101), 'a\nb', 'ä', 'eyJhbGciOiJub25lIn0.e30.', token]) {
      const body = { error: wild, correlation_id: wild, trace_id: wild }
      const { code, correlationId, traceId } = refusalOf(400, body, { secret: token })
      assert.deepEqual([code, correlationId, traceId], ['http_400', undefined, undefined])
    }
  })
})
