// A slice of drills/guard-fuzz.drill.ts, which takes ten million.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { createGuard } from './guard.ts'
import { GuardRefusal } from './refusal.ts'
import {
  AUDIENCE,
  GOOD,
  GOOD_AT,
  handmade,
  KID,
  keySource,
  newRsaKeys,
  NOW_SECONDS,
  ROLE,
  trusting,
} from './test-support.ts'
import { seeded, wildHeader } from './wild-test-support.ts'

const { publicKey, privateKey } = newRsaKeys()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })

describe('the guard, sent 30,000 wild headers', () => {
  it('lets none in, and throws nothing but refusals', async () => {
    const guard = createGuard({
      audience: [AUDIENCE],
      issuers: trusting(keySource({ [KID]: publicKey, ec: ec.publicKey })),
      now: () => NOW_SECONDS * 1000,
    })
    const claims = [GOOD['1.0'], GOOD['2.0'], { ...GOOD_AT, roles: [ROLE] }]
    const tokens = claims.map((each, index) =>
      handmade(privateKey, { alg: 'RS256', kid: KID, typ: index === 2 ? 'at+jwt' : 'JWT' }, each),
    )
    // Were the good ones refused, the wild ones would prove nothing.
    for (const token of tokens) await guard.admit(`Bearer ${token}`, [ROLE])
    const chance = seeded(1)
    const codes = new Set<string>()
    for (let round = 0; round < 30_000; round++) {
      const header = wildHeader(chance, { tokens, claims })
      try {
        await guard.admit(header, 'any application')
        assert.fail(`let in: ${header}`)
      } catch (error) {
        if (!(error instanceof GuardRefusal)) throw error
        codes.add(error.code)
      }
    }
    const expected = [
      'token_missing',
      'token_malformed',
      'header_unaccepted',
      'type_unaccepted',
      'algorithm_unaccepted',
      'key_unknown',
      'signature_invalid',
      'claim_missing',
      'claim_malformed',
      'claim_duplicate',
      'issuer_invalid',
    ]
    assert.deepEqual(
      expected.filter((code) => !codes.has(code)),
      [],
    )
  })
})
