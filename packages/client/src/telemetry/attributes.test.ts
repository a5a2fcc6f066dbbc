import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnavailableError } from '../errors.ts'
import { errorType, serverAttributes } from './attributes.ts'

const coded = (code: string) => new UnavailableError('said by the other side', { code })

const TYPES: readonly (readonly [unknown, string])[] = [
  [coded('http_503'), 'http_503'],
  [coded('invalid_client'), 'invalid_client'],
  [coded('token_response_malformed'), 'token_response_malformed'],
  [new TypeError('said by somebody'), 'TypeError'],
  [new DOMException('stop', 'AbortError'), 'AbortError'],
  [coded('Secret0fLetters'), '_OTHER'],
  [coded('a~b.c'), '_OTHER'],
  [coded('eyJhbGciOiJQUzI1NiJ9'), '_OTHER'],
  [coded('invalid client'), '_OTHER'],
  [coded(''), '_OTHER'],
  [coded(`a${'b'.repeat(24)}`), '_OTHER'],
  [coded('a_b_c_d_e_f_g_h'), '_OTHER'],
  ['thrown text', '_OTHER'],
  [undefined, '_OTHER'],
]

describe('errorType', () => {
  for (const [error, type] of TYPES)
    it(`is ${type} for ${error instanceof UnavailableError ? `code '${error.code}'` : String(error)}`, () =>
      assert.equal(errorType(error), type))
})

describe('serverAttributes', () => {
  it('name the host and its port, which is 443 where the URL has none', () => {
    const attributes = [
      new URL('https://login.microsoftonline.com/common'),
      new URL('https://localhost:8443/a'),
    ].map(serverAttributes)
    assert.deepEqual(attributes, [
      { 'server.address': 'login.microsoftonline.com', 'server.port': 443 },
      { 'server.address': 'localhost', 'server.port': 8443 },
    ])
  })
})
