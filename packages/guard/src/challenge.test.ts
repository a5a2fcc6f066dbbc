import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { challenge } from './challenge.ts'
import { GuardRefusal, type RefusalCode, REFUSALS } from './refusal.ts'

const invalid = (description: string) =>
  `Bearer realm="", error="invalid_token", error_description="${description}"`
const insufficient = (description: string) =>
  `Bearer realm="", error="insufficient_scope", error_description="${description}"`

const EXPECTED: Readonly<Record<RefusalCode, readonly [status: number, header: string]>> = {
  token_missing: [401, 'Bearer realm=""'],
  token_malformed: [401, invalid('The access token is not a signed JWT.')],
  algorithm_unaccepted: [401, invalid('The signature algorithm is not accepted.')],
  key_unknown: [401, invalid('The signing key is unknown.')],
  signature_invalid: [401, invalid('The signature is not valid.')],
  issuer_invalid: [401, invalid('Access token validation failure. Invalid issuer.')],
  audience_invalid: [401, invalid('Access token validation failure. Invalid audience.')],
  lifetime_invalid: [401, invalid('Lifetime validation failed, the token is expired.')],
  tenant_unaccepted: [401, invalid('The token is from a tenant that is not accepted.')],
  not_app_only: [403, insufficient('Only tokens of applications are accepted.')],
  role_missing: [403, insufficient('Insufficient privileges to complete the operation.')],
}

describe('challenge', () => {
  it('covers every refusal', () => {
    assert.deepEqual(Object.keys(EXPECTED), Object.keys(REFUSALS))
  })

  for (const [code, [status, header]] of Object.entries(EXPECTED)) {
    it(`of ${code} is ${status} and keeps the reason to itself`, () => {
      const refusal = new GuardRefusal(code as RefusalCode, 'a reason for the log')
      assert.equal(refusal.status, status)
      assert.equal(challenge(refusal), header)
    })
  }
})
