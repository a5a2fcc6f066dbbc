import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Expectations, principalOf } from './claims.ts'
import type { RefusalCode } from './refusal.ts'
import { AUDIENCE, CLIENT, EXPECTED, GOOD, NOW_SECONDS, PRINCIPAL, refusal, TENANT } from './test-support.ts'

const VERSIONS = ['1.0', '2.0'] as const
type Version = (typeof VERSIONS)[number]
const OTHER_GUID = '99999999-ffff-4fff-8fff-000000000009'
const appClaim = (version: Version) => (version === '1.0' ? 'appid' : 'azp')

const judge = (claims: object, expected: Partial<Expectations> = {}, nowSeconds = NOW_SECONDS) =>
  principalOf({ ...claims }, { ...EXPECTED, ...expected }, nowSeconds * 1000)

const noText = (name: string) => refusal('token_malformed', `${name} is missing or no text`)
const badIssuer = (version: string, tenant = TENANT) =>
  refusal('issuer_invalid', `iss does not belong to version ${version} and tenant ${tenant}`)
const noNumber = refusal('token_malformed', 'nbf or exp is not a number')
const noRoles = refusal('token_malformed', 'roles is not a list of texts')
const forUser = refusal('not_app_only', 'the token acts for a user')
const otherApi = refusal('audience_invalid', 'aud is another API')
const early = refusal('lifetime_invalid', 'the token is not valid yet')
const late = refusal('lifetime_invalid', 'the token has expired')

for (const version of VERSIONS) {
  const good = GOOD[version]
  const other = version === '1.0' ? '2.0' : '1.0'

  describe(`principalOf a token of version ${version}`, () => {
    it('says who called', () => {
      assert.deepEqual(judge(good), {
        tenantId: TENANT,
        appId: CLIENT,
        objectId: PRINCIPAL,
        roles: ['Orders.Read.All', 'Orders.Write.All'],
        claims: good,
      })
    })

    it('finds no roles where there are none', () => {
      assert.deepEqual(judge({ ...good, roles: undefined }).roles, [])
      assert.deepEqual(judge({ ...good, roles: [] }).roles, [])
    })

    it('takes each of its own audiences', () => {
      for (const aud of EXPECTED.audience) assert.equal(judge({ ...good, aud }).appId, CLIENT)
    })

    it('takes a token with idtyp app and without idtyp', () => {
      assert.equal(judge({ ...good, idtyp: 'app' }).appId, CLIENT)
      assert.equal(judge({ ...good, idtyp: undefined }).appId, CLIENT)
    })

    for (const name of ['ver', 'tid', 'iss', 'aud', 'oid', 'sub', appClaim(version)]) {
      const values = [undefined, null, '', 5, true, {}, [good[name]]]
      it(`refuses ${name} that is missing or no text`, () => {
        for (const value of values) {
          assert.throws(() => judge({ ...good, [name]: value }), noText(name), JSON.stringify(value))
        }
      })
    }

    const wrong: readonly (readonly [name: string, value: unknown, expected: object])[] = [
      ['ver', other, badIssuer(other)],
      ['ver', '3.0', badIssuer('3.0')],
      ['ver', '__proto__', badIssuer('__proto__')],
      ['tid', OTHER_GUID, badIssuer(version, OTHER_GUID)],
      ['tid', TENANT.toUpperCase(), badIssuer(version, TENANT.toUpperCase())],
      ['tid', 'contoso.example', badIssuer(version, 'contoso.example')],
      ['tid', `${TENANT}\n`, badIssuer(version, `${TENANT}\n`)],
      ['tid', '$&', badIssuer(version, '$&')],
      ['iss', GOOD[other]['iss'], badIssuer(version)],
      ['iss', String(good['iss']).replace(TENANT, OTHER_GUID), badIssuer(version)],
      ['iss', String(good['iss']).replace(TENANT, '{tenantid}'), badIssuer(version)],
      ['iss', `${String(good['iss'])}/`, badIssuer(version)],
      ['iss', String(good['iss']).replace('https', 'http'), badIssuer(version)],
      ['iss', String(good['iss']).toUpperCase(), badIssuer(version)],
      ['aud', 'api://invoices', otherApi],
      ['aud', `${AUDIENCE}/`, otherApi],
      ['aud', AUDIENCE.toUpperCase(), otherApi],
      ['oid', OTHER_GUID, forUser],
      ['sub', OTHER_GUID, forUser],
      ['scp', 'Orders.Read', forUser],
      ['scp', '', forUser],
      ['scp', null, forUser],
      ['scp', ['Orders.Read'], forUser],
      ['idtyp', 'user', forUser],
      ['idtyp', 'APP', forUser],
      ['idtyp', '', forUser],
      ['idtyp', null, forUser],
      ['idtyp', ['app'], forUser],
      ['roles', null, noRoles],
      ['roles', 'Orders.Read.All', noRoles],
      ['roles', 5, noRoles],
      ['roles', { 0: 'Orders.Read.All', length: 1 }, noRoles],
      ['roles', ['Orders.Read.All', 5], noRoles],
      ['roles', [['Orders.Read.All']], noRoles],
      ['roles', [null], noRoles],
      ...['nbf', 'exp'].flatMap((name) =>
        [undefined, null, '1790000000', [NOW_SECONDS], {}, true].map(
          (value) => [name, value, noNumber] as const,
        ),
      ),
    ]
    for (const [name, value, expected] of wrong) {
      it(`refuses ${name} ${JSON.stringify(value) ?? 'that is missing'}`, () => {
        assert.throws(() => judge({ ...good, [name]: value }), expected)
      })
    }

    for (const tid of ['contoso.example', TENANT.toUpperCase(), '', `${TENANT}/x`]) {
      it(`refuses tid '${tid}' even where iss agrees and no list of tenants stands in the way`, () => {
        const iss = String(good['iss']).replace(TENANT, tid)
        const expected = tid === '' ? noText('tid') : badIssuer(version, tid)
        assert.throws(() => judge({ ...good, tid, iss }, { tenants: undefined }), expected)
      })
    }

    it(`refuses the application's id under the name of version ${other}`, () => {
      const claims = { ...good, [appClaim(version)]: undefined, [appClaim(other)]: CLIENT }
      assert.throws(() => judge(claims), noText(appClaim(version)))
    })

    it('refuses every token of a version that the API does not take', () => {
      const issuers = { [other]: EXPECTED.issuers[other] }
      assert.throws(() => judge(good, { issuers }), badIssuer(version))
      assert.throws(() => judge(good, { issuers: {} }), badIssuer(version))
    })
  })
}

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

  it('lets in no tenant but those on the list', () => {
    const reason = `tenant ${TENANT} is not on the list`
    for (const tenants of [[OTHER_GUID], []]) {
      assert.throws(() => judge(GOOD['2.0'], { tenants }), refusal('tenant_unaccepted', reason))
    }
    assert.equal(judge(GOOD['2.0'], { tenants: [OTHER_GUID, TENANT] }).tenantId, TENANT)
  })

  it('lets in every tenant of the issuer without a list', () => {
    const iss = `https://login.example/${OTHER_GUID}/v2.0`
    const claims = { ...GOOD['2.0'], tid: OTHER_GUID, iss }
    assert.equal(judge(claims, { tenants: undefined }).tenantId, OTHER_GUID)
    assert.throws(
      () => judge(claims),
      refusal('tenant_unaccepted', `tenant ${OTHER_GUID} is not on the list`),
    )
  })

  it('lets in nobody when the API names no audience', () => {
    assert.throws(() => judge(GOOD['2.0'], { audience: [] }), otherApi)
  })

  it('looks at issuer, audience, lifetime, tenant and kind in this order', () => {
    const faults: readonly (readonly [code: RefusalCode, fault: object])[] = [
      ['issuer_invalid', { iss: 'https://evil.example' }],
      ['audience_invalid', { aud: 'api://invoices' }],
      ['lifetime_invalid', { exp: 0 }],
      ['tenant_unaccepted', {}],
      ['not_app_only', { scp: 'Orders.Read' }],
    ]
    for (const [index, [code]] of faults.entries()) {
      const claims = Object.assign(
        { ...GOOD['2.0'] },
        ...faults.slice(index).map(([, fault]) => fault),
      ) as object
      const tenants = code === 'not_app_only' ? [TENANT] : []
      assert.throws(() => judge(claims, { tenants }), { code })
    }
  })
})
