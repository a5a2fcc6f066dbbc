import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RawResponse } from './request.ts'
import { readTokenResponse } from './response.ts'

const ASKED = { clientId: 'nightly-sync', tenant: 'contoso.example', scope: 'api://orders/.default' }
const NOW_MS = 1_790_000_000_000
const GOOD = { token_type: 'Bearer', expires_in: 3599, access_token: 'the-token' }

const raw = (body: unknown, status = 200, contentType = 'application/json'): RawResponse => ({
  status,
  contentType,
  retryAfter: undefined,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

const read = (response: RawResponse) => readTokenResponse(response, ASKED, NOW_MS)

const malformed = (found: string) => ({
  name: 'ProtocolError',
  code: 'token_response_malformed',
  message: `Cannot use the token response, as RFC 6749 §5.1 asks for a JSON object with a Bearer token: ${found}`,
  hint: 'Check that the authority host is an OAuth 2.0 authorization server and that no proxy answers for it',
})

describe('readTokenResponse takes', () => {
  const accepted = [
    ['the answer of the v2.0 endpoint', {}, 3599, 1799.5],
    [
      'numbers as text, as the v1 endpoint writes them',
      { expires_in: '3599', ext_expires_in: '3599', expires_on: '1790003600', resource: 'api://orders' },
      3599,
      1799.5,
    ],
    ['refresh_in as the moment to renew', { expires_in: 86_400, refresh_in: 43_200 }, 86_400, 43_200],
    ['refresh_in as text', { expires_in: '86400', refresh_in: '43200' }, 86_400, 43_200],
    ['refresh_in that is later than the end, as the end', { refresh_in: 5000 }, 3599, 3599],
    ['a lifetime of one second', { expires_in: 1 }, 1, 0.5],
    ['a lifetime with a fraction', { expires_in: 0.5 }, 0.5, 0.25],
    ['token_type in lower case', { token_type: 'bearer' }, 3599, 1799.5],
    ['token_type in upper case', { token_type: 'BEARER' }, 3599, 1799.5],
    [
      'expires_on where expires_in is missing',
      { expires_in: undefined, expires_on: 1_790_003_600 },
      3600,
      1800,
    ],
    ['expires_on as text', { expires_in: undefined, expires_on: '1790003600' }, 3600, 1800],
    ['expires_in rather than expires_on', { expires_on: 1_790_000_001 }, 3599, 1799.5],
    ['expires_on in the past, as the end', { expires_in: undefined, expires_on: 1_789_999_999 }, 0, 0],
    ['no lifetime at all, as the end', { expires_in: undefined }, 0, 0],
    [
      'fields that other libraries stumble over',
      { scope: 'api://orders/Read', client_info: 'e30', id_token: 'eyJ.e30.', ext_expires_in: 0 },
      3599,
      1799.5,
    ],
    ['a lifetime that other libraries take for none', { expires_in: 299 }, 299, 149.5],
    ['a lifetime beyond all dates, as a hundred years', { expires_in: 1e300 }, 3_155_760_000, 1_577_880_000],
    [
      'an end beyond all dates, as a hundred years',
      { expires_in: undefined, expires_on: 1e300 },
      3_155_760_000,
      1_577_880_000,
    ],
    ['fields that it does not know', { scope: 'x', id_token: 1, error_codes: [1] }, 3599, 1799.5],
  ] as const
  for (const [name, changes, expiresSeconds, refreshSeconds] of accepted) {
    it(name, () => {
      assert.deepEqual(read(raw({ ...GOOD, ...changes })), {
        accessToken: 'the-token',
        expiresAtMs: NOW_MS + expiresSeconds * 1000,
        refreshAtMs: NOW_MS + refreshSeconds * 1000,
      })
    })
  }

  it('the moment of the request as the beginning of a lifetime', () => {
    const sentAtMs = NOW_MS - 7000
    assert.deepEqual(readTokenResponse(raw(GOOD), { ...ASKED, sentAtMs }, NOW_MS), {
      accessToken: 'the-token',
      expiresAtMs: sentAtMs + 3_599_000,
      refreshAtMs: sentAtMs + 1_799_500,
    })
  })

  it('a token that comes with Retry-After', () => {
    assert.equal(read({ ...raw(GOOD), retryAfter: '60' }).accessToken, 'the-token')
  })

  it('JSON under another content type', () => {
    assert.equal(read(raw(GOOD, 200, 'text/html')).accessToken, 'the-token')
  })
})

describe('readTokenResponse refuses', () => {
  const fields = [
    ['no access_token', { access_token: undefined }, '"access_token" is not a text'],
    ['an empty access_token', { access_token: '' }, '"access_token" is not a text'],
    ['an access_token that is null', { access_token: null }, '"access_token" is not a text'],
    ['an access_token that is a list', { access_token: ['the-token'] }, '"access_token" is not a text'],
    ['no token_type', { token_type: undefined }, '"token_type" is not Bearer'],
    ['a token_type that is a list', { token_type: ['Bearer'] }, '"token_type" is not Bearer'],
    ['a token of another type', { token_type: 'pop' }, '"token_type" is not Bearer'],
    ['expires_on that is no number', { expires_in: undefined, expires_on: 'soon' }, positive('expires_on')],
    ['expires_on that is null', { expires_in: undefined, expires_on: null }, positive('expires_on')],
    ['refresh_in of 0', { refresh_in: 0 }, positive('refresh_in')],
    ['refresh_in that is null', { refresh_in: null }, positive('refresh_in')],
    ...[0, -1, '0', '-1', '3599.5', '1e3', ' 3599', '', 'soon', null, true, [3599], '9'.repeat(400)].map(
      (value) => [`expires_in ${show(value)}`, { expires_in: value }, positive('expires_in')] as const,
    ),
  ] as const
  for (const [name, changes, found] of fields) {
    it(name, () => {
      assert.throws(() => read(raw({ ...GOOD, ...changes })), malformed(found))
    })
  }

  it('expires_in that is no finite number', () => {
    const huge = JSON.stringify(GOOD).replace('3599', '1e999')
    assert.throws(() => read(raw(huge)), malformed(positive('expires_in')))
    const nan = JSON.stringify(GOOD).replace('3599', 'NaN')
    assert.throws(() => read(raw(nan)), malformed(noObject(200, 'application/json')))
  })

  const bodies = [
    ['HTML with status 200, as a captive portal sends it', '<html></html>', 200, 'text/html'],
    ['HTML with status 400', '<html></html>', 400, 'text/html'],
    ['JSON that was cut off', JSON.stringify(GOOD).slice(0, -5), 200, 'application/json'],
    ['an empty body', '', 200, ''],
    ['a redirect', '', 302, 'text/html'],
    ['a list', [GOOD], 200, 'application/json'],
    ['a text', '"the-token"', 200, 'application/json'],
    ['null', 'null', 200, 'application/json'],
    ['a compressed body', '\x1f\x8b\b\0\0', 200, 'application/json'],
    ['JSON of a hundred thousand levels', '['.repeat(100_000), 200, 'application/json'],
  ] as const
  for (const [name, body, status, type] of bodies) {
    it(name, () => {
      assert.throws(() => read(raw(body, status, type)), malformed(noObject(status, type || 'none')))
    })
  }

  it('to repeat the body of an answer that it does not understand', () => {
    for (const body of [{ ...GOOD, token_type: 'pop' }, JSON.stringify(GOOD).slice(0, -1)]) {
      assert.throws(
        () => read(raw(body)),
        (error: Error) => !error.message.includes('the-token') && error.cause === undefined,
      )
    }
  })
})

function positive(name: string): string {
  return `"${name}" is not a positive number of seconds`
}

function noObject(status: number, type: string): string {
  return `status ${status} with a body of type '${type}' that is no JSON object`
}

function show(value: unknown): string {
  return JSON.stringify(value).slice(0, 20)
}
