import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { challenge } from './challenge.ts'
import { GuardRefusal, type RefusalCode, REFUSALS } from './refusal.ts'

const invalid = (description: string) =>
  `Bearer realm="", error="invalid_token", error_description="${description}"`
const insufficient = (description: string) =>
  `Bearer realm="", error="insufficient_scope", error_description="${description}"`

const FAILURE = 'Access token validation failure.'
const PRIVILEGES = insufficient('Insufficient privileges to complete the operation.')

const EXPECTED: Readonly<Record<RefusalCode, readonly [status: number, header: string]>> = {
  token_missing: [401, 'Bearer realm=""'],
  token_malformed: [401, invalid('The access token is not a signed JWT.')],
  header_unaccepted: [401, invalid('The header of the access token is not accepted.')],
  type_unaccepted: [401, invalid('The token is not an access token.')],
  algorithm_unaccepted: [401, invalid('The signature algorithm is not accepted.')],
  key_unknown: [401, invalid('The signing key is unknown.')],
  key_unaccepted: [401, invalid('The signing key is not accepted.')],
  key_issuer_invalid: [401, invalid('The signing key is of another issuer.')],
  signature_invalid: [401, invalid('The signature is not valid.')],
  claim_missing: [401, invalid(FAILURE)],
  claim_malformed: [401, invalid(FAILURE)],
  claim_duplicate: [401, invalid(FAILURE)],
  version_invalid: [401, invalid(`${FAILURE} Invalid version.`)],
  issuer_invalid: [401, invalid(`${FAILURE} Invalid issuer.`)],
  audience_invalid: [401, invalid(`${FAILURE} Invalid audience.`)],
  token_expired: [401, invalid('Lifetime validation failed, the token is expired.')],
  token_too_early: [401, invalid('Lifetime validation failed, the token is not valid yet.')],
  tenant_unaccepted: [401, invalid('The token is from a tenant that is not accepted.')],
  token_bound: [401, invalid('The token is bound to a key that a bearer does not show.')],
  caller_unclear: [401, invalid('The token is neither an application nor a user.')],
  token_revoked: [401, invalid('The token has been revoked.')],
  claims_challenge: [
    401,
    'Bearer realm="", error="insufficient_claims", error_description="Continuous access evaluation resulted in challenge."',
  ],
  not_app_only: [403, insufficient('Only tokens of applications are accepted.')],
  not_user: [403, insufficient('Only tokens of users are accepted.')],
  role_missing: [403, PRIVILEGES],
  scope_missing: [403, PRIVILEGES],
  client_unaccepted: [403, PRIVILEGES],
  route_unlisted: [403, PRIVILEGES],
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

  it('carries in base64 what the next token must claim', () => {
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1790000000"}}}'
    // The value of wire.md §11.
    const encoded = 'eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzkwMDAwMDAwIn19fQ=='
    assert.equal(
      challenge(new GuardRefusal('claims_challenge', 'a reason for the log', claims)),
      `${EXPECTED.claims_challenge[1]}, claims="${encoded}"`,
    )
  })
})
