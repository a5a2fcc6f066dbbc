import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Expectations, principalOf } from './claims.ts'
import type { TrustedIssuer } from './issuers.ts'
import type { RefusalCode } from './refusal.ts'
import {
  AS,
  AUDIENCE,
  CLIENT,
  EXPECTED,
  GOOD,
  GOOD_AT,
  keySource,
  NOW_SECONDS,
  OTHER_GUID,
  PRINCIPAL,
  refusal,
  TENANT,
  trusting,
} from './test-support.ts'
import { originFinder } from './trust.ts'

const VERSIONS = ['1.0', '2.0'] as const
const NO_KEYS = keySource({})

interface Judged extends Partial<Expectations> {
  readonly issuers?: readonly TrustedIssuer[]
}

function judge(claims: object, { issuers = trusting(NO_KEYS), ...expected }: Judged = {}, now = NOW_SECONDS) {
  const read = { ...claims }
  return principalOf(read, originFinder(issuers)(read), { ...EXPECTED, ...expected }, now * 1000)
}

const early = refusal('token_too_early', 'the token is not valid yet')
const late = refusal('token_expired', 'the token has expired')
const otherApi = refusal('audience_invalid', 'aud is another API')
const unclear = refusal(
  'caller_unclear',
  'oid, sub, scp and idtyp agree neither on an application nor on a user',
)
const untrusted = (issuer: string, tenant?: string) =>
  refusal(
    'issuer_invalid',
    `issuer '${issuer}' is not trusted${tenant === undefined ? '' : `, or does not belong to tenant '${tenant}'`}`,
  )

for (const version of VERSIONS) {
  const good = GOOD[version]
  const iss = String(good['iss'])
  const asUser = { ...good, sub: 'pairwise', scp: 'Orders.Read  Orders.Write', idtyp: undefined }

  describe(`principalOf a token of version ${version}`, () => {
    it('says which application called', () => {
      assert.deepEqual(judge(good), {
        kind: 'application',
        issuer: iss,
        tenantId: TENANT,
        appId: CLIENT,
        objectId: PRINCIPAL,
        roles: ['Orders.Read.All', 'Orders.Write.All'],
        scopes: [],
        claims: good,
      })
    })

    it('says for which user it was called, and what the client may do', () => {
      for (const idtyp of [undefined, 'user']) {
        const { kind, objectId, roles, scopes } = judge({ ...asUser, idtyp })
        assert.deepEqual(
          { kind, objectId, roles, scopes },
          {
            kind: 'user',
            objectId: PRINCIPAL,
            roles: ['Orders.Read.All', 'Orders.Write.All'],
            scopes: ['Orders.Read', 'Orders.Write'],
          },
        )
      }
    })

    const mixed: readonly (readonly [name: string, claims: object])[] = [
      ['an application with the scopes of a user', { ...good, scp: 'Orders.Read' }],
      ['an application with another subject', { ...good, sub: OTHER_GUID }],
      ['an application that is called a user', { ...good, idtyp: 'user' }],
      ['a kind in capital letters', { ...good, idtyp: 'APP' }],
      ['a user without scopes, as an ID token is', { ...asUser, scp: undefined }],
      ['a user who is its own client', { ...asUser, sub: PRINCIPAL }],
      ['a user that is called an application', { ...asUser, idtyp: 'app' }],
      ['a device', { ...good, idtyp: 'device' }],
    ]
    for (const [name, claims] of mixed) {
      it(`refuses ${name}`, () => {
        assert.throws(() => judge(claims), unclear)
      })
    }

    it('finds no roles where there are none', () => {
      assert.deepEqual(judge({ ...good, roles: undefined }).roles, [])
      assert.deepEqual(judge({ ...good, roles: [] }).roles, [])
    })

    it('takes each of its own audiences', () => {
      for (const aud of EXPECTED.audience) assert.equal(judge({ ...good, aud }).appId, CLIENT)
    })

    it('takes a token without idtyp', () => {
      assert.equal(judge({ ...good, idtyp: undefined }).kind, 'application')
    })

    for (const tid of [OTHER_GUID, TENANT.toUpperCase(), 'contoso.example', `${TENANT}/x`, '$&']) {
      it(`refuses an issuer that is not of tenant '${tid}'`, () => {
        assert.throws(() => judge({ ...good, tid }), untrusted(iss, tid))
      })
    }

    for (const tid of [TENANT.toUpperCase(), 'contoso.example', `${TENANT}/x`, '{tenantid}', '..']) {
      it(`refuses tid '${tid}' even where iss agrees and every tenant may come`, () => {
        const own = iss.replace(TENANT, tid)
        const issuers = trusting(NO_KEYS, undefined).map((each) => ({ ...each, tenants: undefined }))
        assert.throws(() => judge({ ...good, tid, iss: own }, { issuers }), untrusted(own, tid))
      })
    }

    it('refuses every token of a version that the API does not take', () => {
      const issuers = trusting(NO_KEYS).filter(({ kind }) => kind !== version)
      assert.throws(() => judge(good, { issuers }), untrusted(iss, TENANT))
    })

    it('refuses a token that is bound to a key, whatever the binding', () => {
      const bound = refusal('token_bound', 'the token is bound to a key (cnf), and came as a bearer token')
      for (const cnf of [{ jkt: 'abc' }, null, '']) assert.throws(() => judge({ ...good, cnf }), bound)
    })

    it('takes an issuer without a template, and only with the tenant in its path', () => {
      const issuers = [{ issuer: iss, kind: version, keys: NO_KEYS }]
      assert.equal(judge(good, { issuers }).tenantId, TENANT)
      assert.throws(() => judge({ ...good, tid: OTHER_GUID }, { issuers }), untrusted(iss, OTHER_GUID))
    })
  })
}

describe('principalOf a token of another server', () => {
  it('says which client called, which is its own subject', () => {
    assert.deepEqual(judge(GOOD_AT), {
      kind: 'application',
      issuer: AS,
      tenantId: AS,
      appId: 'nightly-sync',
      objectId: 'nightly-sync',
      roles: [],
      scopes: [],
      claims: GOOD_AT,
    })
  })

  it('takes the scopes for roles of a client where the API says so, and never of a user', () => {
    const issuers = trusting(NO_KEYS).map((each) => ({ ...each, rolesFrom: 'scope' as const }))
    assert.deepEqual(judge(GOOD_AT, { issuers }).roles, ['orders.read', 'orders.write'])
    const user = judge({ ...GOOD_AT, sub: 'alice' }, { issuers })
    assert.deepEqual([user.kind, user.roles, user.scopes], ['user', [], ['orders.read', 'orders.write']])
  })

  it('takes one of several audiences, and a token without nbf', () => {
    assert.equal(judge({ ...GOOD_AT, aud: ['https://other.example', AUDIENCE] }).kind, 'application')
    assert.throws(() => judge({ ...GOOD_AT, aud: ['https://other.example'] }), otherApi)
    assert.throws(
      () => judge({ ...GOOD_AT, aud: [AUDIENCE, 5] }),
      refusal('claim_malformed', 'aud is no text'),
    )
    assert.throws(() => judge({ ...GOOD_AT, aud: [] }), refusal('claim_malformed', 'aud is no text'))
    assert.throws(() => judge({ ...GOOD_AT, nbf: NOW_SECONDS + 301 }), early)
  })

  for (const name of ['aud', 'exp', 'iat', 'sub', 'client_id', 'jti']) {
    it(`refuses a token without ${name}`, () => {
      const without = { ...GOOD_AT, [name]: undefined }
      assert.throws(() => judge(without), refusal('claim_missing', `${name} is missing`))
    })
  }

  it('takes azp for the client, and no jti, only where any JWT is accepted', () => {
    const older = { ...GOOD_AT, client_id: undefined, azp: 'nightly-sync', jti: undefined }
    assert.throws(() => judge(older), refusal('claim_missing', 'client_id is missing'))
    const issuers = [{ issuer: AS, kind: 'any JWT', keys: NO_KEYS }] as const
    assert.equal(judge(older, { issuers }).appId, 'nightly-sync')
  })

  it('does not let another server speak for a tenant', () => {
    assert.equal(judge({ ...GOOD_AT, tid: TENANT, oid: PRINCIPAL, ver: '2.0' }).tenantId, AS)
  })

  it('knows its issuer to the letter', () => {
    for (const iss of [`${AS}/`, AS.toUpperCase(), AS.replace('https', 'http'), 'https://as.example']) {
      assert.throws(() => judge({ ...GOOD_AT, iss, tid: TENANT }), untrusted(iss, TENANT))
    }
  })
})

describe('principalOf', () => {
  const { nbf, exp } = { nbf: Number(GOOD['2.0']['nbf']), exp: Number(GOOD['2.0']['exp']) }
  const moments = [
    ['is not valid yet', nbf - 300.001, {}, early],
    ['is not valid yet by half of the skew more', nbf - 450, {}, early],
    ['becomes valid at nbf less the skew', nbf - 300, {}, undefined],
    ['becomes valid at nbf without skew', nbf, { skewSeconds: 0 }, undefined],
    ['is not valid before nbf without skew', nbf - 0.001, { skewSeconds: 0 }, early],
    ['is valid until exp plus the skew', exp + 299.999, {}, undefined],
    ['has expired at exp plus the skew', exp + 300, {}, late],
    ['is valid until exp without skew', exp - 0.001, { skewSeconds: 0 }, undefined],
    ['has expired at exp without skew', exp, { skewSeconds: 0 }, late],
  ] as const
  for (const [name, nowSeconds, expected, refused] of moments) {
    it(`finds that a token ${name}`, () => {
      const judged = () => judge(GOOD['2.0'], expected, nowSeconds)
      if (refused) assert.throws(judged, refused)
      else assert.equal(judged().appId, CLIENT)
    })
  }

  it('refuses a token that was issued in the future', () => {
    assert.throws(() => judge({ ...GOOD['2.0'], iat: NOW_SECONDS + 301 }), early)
  })

  it('lets in no tenant but those on the list', () => {
    const reason = `tenant ${TENANT} is not on the list`
    for (const tenants of [[OTHER_GUID], []]) {
      const issuers = trusting(NO_KEYS, tenants)
      assert.throws(() => judge(GOOD['2.0'], { issuers }), refusal('tenant_unaccepted', reason))
    }
    const issuers = trusting(NO_KEYS, [OTHER_GUID, TENANT])
    assert.equal(judge(GOOD['2.0'], { issuers }).tenantId, TENANT)
  })

  it('lets in nobody when the API names no audience', () => {
    assert.throws(() => judge(GOOD['2.0'], { audience: new Set() }), otherApi)
  })

  it('looks at issuer, tenant, version, audience, lifetime and kind in this order', () => {
    const faults: readonly (readonly [code: RefusalCode, fault: object])[] = [
      ['issuer_invalid', { iss: 'https://evil.example' }],
      ['tenant_unaccepted', { tid: OTHER_GUID, iss: `https://login.example/${OTHER_GUID}/v2.0` }],
      ['version_invalid', { ver: '1.0' }],
      ['audience_invalid', { aud: 'api://invoices' }],
      ['token_expired', { exp: 0 }],
      ['caller_unclear', { scp: 'Orders.Read' }],
    ]
    for (const [index, [code]] of faults.entries()) {
      const rest = faults.slice(index).map(([, fault]) => fault)
      // The first fault is laid on last.
      const claims = Object.assign({ ...GOOD['2.0'] }, ...rest.toReversed()) as object
      assert.throws(() => judge(claims), { code })
    }
  })
})

describe('originFinder', () => {
  const refused = (issuer: string, kind: TrustedIssuer['kind']) =>
    new TypeError(
      `Cannot trust issuer '${issuer}' of kind ${kind}, as a tenant is bound by one {tenantid}, or by its id as the path's first part, in tokens of Entra, and in no others`,
    )
  const unbound = [
    ['https://login.example/v2.0', '2.0'],
    ['https://login.example/contoso.example/v2.0', '2.0'],
    ['https://login.example/{tenantid}/{tenantid}', '2.0'],
    ['login.example', '1.0'],
    ['https://as.example/{tenantid}', 'at+jwt'],
    ['https://as.example/{tenantid}', 'any JWT'],
  ] as const
  for (const [issuer, kind] of unbound) {
    it(`trusts no issuer '${issuer}' of kind ${kind}`, () => {
      assert.throws(() => originFinder([{ issuer, kind, keys: NO_KEYS }]), refused(issuer, kind))
    })
  }

  it('shows what it does not trust in ASCII, on one line, cut short', () => {
    const iss = `https://evil.example/\n\u202e${'a'.repeat(500)}`
    const shown = `https://evil.example/??${'a'.repeat(177)}`
    assert.throws(() => judge({ ...GOOD['2.0'], iss }), untrusted(shown, TENANT))
  })
})
