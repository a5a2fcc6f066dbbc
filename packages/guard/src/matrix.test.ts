// Every claim that counts, in every way in which it can be wrong, in tokens with a true signature.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGuard } from './guard.ts'
import type { RefusalCode } from './refusal.ts'
import {
  AUDIENCE,
  CLIENT,
  GOOD,
  GOOD_AT,
  handmade,
  KID,
  keySource,
  newRsaKeys,
  NOW_SECONDS,
  OTHER_GUID,
  ROLE,
  trusting,
} from './test-support.ts'

const { publicKey, privateKey } = newRsaKeys()
const guard = createGuard({
  audience: [AUDIENCE],
  issuers: trusting(keySource({ [KID]: publicKey })),
  now: () => NOW_SECONDS * 1000,
})

const header = { alg: 'RS256', kid: KID, typ: 'JWT' }
const admit = (payload: string, typ = 'JWT') =>
  guard.admit(`Bearer ${handmade(privateKey, { ...header, typ }, payload)}`, [ROLE])

interface Faults {
  /** What it is to be without the claim; `undefined` where that is allowed. */
  readonly missing?: RefusalCode
  readonly wrong: readonly (readonly [value: unknown, code: RefusalCode])[]
  /** What the claim says in a list of its own; lists are malformed unless told otherwise. */
  readonly array?: RefusalCode
}

const WRONG_TYPES = [null, true, {}, ''] as const

const time = (...wrong: Faults['wrong']): Faults => ({ missing: 'claim_missing', wrong })

const common: Readonly<Record<string, Faults>> = {
  iss: {
    missing: 'claim_missing',
    wrong: [
      ['https://evil.example', 'issuer_invalid'],
      [5, 'claim_malformed'],
    ],
  },
  aud: {
    missing: 'claim_missing',
    wrong: [
      ['api://invoices', 'audience_invalid'],
      [`${AUDIENCE}/`, 'audience_invalid'],
      [AUDIENCE.toUpperCase(), 'audience_invalid'],
      [5, 'claim_malformed'],
    ],
  },
  exp: time([NOW_SECONDS - 300, 'token_expired'], [0, 'token_expired'], ['1890000000', 'claim_malformed']),
  nbf: time([NOW_SECONDS + 301, 'token_too_early'], ['0', 'claim_malformed']),
  iat: time([NOW_SECONDS + 301, 'token_too_early'], ['0', 'claim_malformed']),
  tid: {
    missing: 'claim_missing',
    wrong: [
      [OTHER_GUID, 'issuer_invalid'],
      ['contoso.example', 'issuer_invalid'],
      [5, 'claim_malformed'],
    ],
  },
  oid: {
    missing: 'claim_missing',
    wrong: [
      [OTHER_GUID, 'caller_unclear'],
      ['not a guid', 'claim_malformed'],
      [5, 'claim_malformed'],
    ],
  },
  sub: {
    missing: 'claim_missing',
    wrong: [
      [OTHER_GUID, 'caller_unclear'],
      [5, 'claim_malformed'],
    ],
  },
  idtyp: {
    wrong: [
      ['user', 'caller_unclear'],
      ['App', 'caller_unclear'],
      [5, 'claim_malformed'],
    ],
  },
  roles: {
    missing: 'role_missing',
    wrong: [
      [[], 'role_missing'],
      [['Other'], 'role_missing'],
      [[ROLE.toLowerCase()], 'role_missing'],
      [ROLE, 'claim_malformed'],
      [[ROLE, 5], 'claim_malformed'],
      [5, 'claim_malformed'],
    ],
  },
  scp: {
    wrong: [
      ['Orders.Read', 'caller_unclear'],
      [' ', 'claim_malformed'],
      [5, 'claim_malformed'],
    ],
  },
  cnf: { wrong: [[{ jkt: 'abc' }, 'token_bound']], array: 'token_bound' },
}

const client: Faults = {
  missing: 'claim_missing',
  wrong: [
    ['not a guid', 'claim_malformed'],
    [5, 'claim_malformed'],
  ],
}

const BY_VERSION: Readonly<Record<'1.0' | '2.0', Readonly<Record<string, Faults>>>> = {
  '1.0': {
    ...common,
    appid: client,
    ver: {
      missing: 'claim_missing',
      wrong: [
        ['2.0', 'version_invalid'],
        ['1', 'version_invalid'],
        [1, 'claim_malformed'],
      ],
    },
  },
  '2.0': {
    ...common,
    azp: client,
    ver: {
      missing: 'claim_missing',
      wrong: [
        ['1.0', 'version_invalid'],
        ['2', 'version_invalid'],
        [2, 'claim_malformed'],
      ],
    },
  },
}

for (const version of ['1.0', '2.0'] as const) {
  const good = GOOD[version]
  const refuses = (name: string, value: unknown, code: RefusalCode) =>
    void it(`${name} ${JSON.stringify(value) ?? 'missing'}: ${code}`, async () => {
      await assert.rejects(admit(JSON.stringify({ ...good, [name]: value })), { name: 'GuardRefusal', code })
    })

  describe(`a token of version ${version} is refused for`, () => {
    it('nothing, if nothing is wrong', async () => {
      assert.equal((await admit(JSON.stringify(good))).appId, CLIENT)
    })

    for (const [name, { missing, wrong, array = 'claim_malformed' }] of Object.entries(BY_VERSION[version])) {
      if (missing) refuses(name, undefined, missing)
      for (const [value, code] of wrong) refuses(name, value, code)
      for (const value of WRONG_TYPES)
        refuses(name, value, name === 'cnf' ? 'token_bound' : 'claim_malformed')
      if (name !== 'roles') refuses(name, [good[name] ?? 'a'], array)

      it(`${name} twice: claim_duplicate, whichever comes first`, async () => {
        const rest = JSON.stringify({ ...good, [name]: undefined }).slice(1)
        const value = JSON.stringify(good[name] ?? 'a')
        // The same name can be written in more than one way.
        const escaped = `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
        for (const again of [name, escaped]) {
          const code = { name: 'GuardRefusal', code: 'claim_duplicate' }
          await assert.rejects(admit(`{"${name}":${value},"${again}":"evil",${rest}`), code)
          await assert.rejects(admit(`{"${again}":"evil","${name}":${value},${rest}`), code)
          await assert.rejects(admit(`{"${name}":${value},"${again}":${value},${rest}`), code)
        }
      })
    }
  })
}

describe('a token of another server is refused for', () => {
  const cases: readonly (readonly [name: string, values: readonly unknown[], code: RefusalCode])[] = [
    ['iss', [undefined], 'claim_missing'],
    ['iss', [...WRONG_TYPES, 5, [GOOD_AT['iss']]], 'claim_malformed'],
    ['aud', [undefined], 'claim_missing'],
    ['aud', [...WRONG_TYPES, 5, [], [5], [[AUDIENCE]]], 'claim_malformed'],
    ['aud', ['other', ['other']], 'audience_invalid'],
    ['exp', [...WRONG_TYPES, '5', [NOW_SECONDS + 1]], 'claim_malformed'],
    ['nbf', [...WRONG_TYPES, '5', [NOW_SECONDS]], 'claim_malformed'],
    ['iat', [...WRONG_TYPES, '5', [NOW_SECONDS]], 'claim_malformed'],
    ['sub', [...WRONG_TYPES, 5, [GOOD_AT['sub']]], 'claim_malformed'],
    ['client_id', [...WRONG_TYPES, 5, [GOOD_AT['sub']]], 'claim_malformed'],
    ['jti', [...WRONG_TYPES, 5, ['a']], 'claim_malformed'],
    ['scope', [...WRONG_TYPES, 5, ['orders.read'], ' '], 'claim_malformed'],
    ['roles', [...WRONG_TYPES, 5, ROLE, [5]], 'claim_malformed'],
    ['roles', [undefined, [], ['Other']], 'role_missing'],
    ['sub', ['alice'], 'not_app_only'],
  ]
  for (const [name, values, code] of cases) {
    it(`${name} ${JSON.stringify(values)}: ${code}`, async () => {
      for (const value of values) {
        const token = admit(JSON.stringify({ ...GOOD_AT, roles: [ROLE], [name]: value }), 'at+jwt')
        await assert.rejects(token, { name: 'GuardRefusal', code }, JSON.stringify(value))
      }
    })
  }

  it('nothing, if nothing is wrong', async () => {
    assert.equal((await admit(JSON.stringify({ ...GOOD_AT, roles: [ROLE] }), 'at+jwt')).appId, 'nightly-sync')
  })
})
