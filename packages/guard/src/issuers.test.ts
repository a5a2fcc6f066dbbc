import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createGuard } from './guard.ts'
import { entra, oauthIssuer } from './issuers.ts'
import { scriptedServer } from './keys/server-test-support.ts'
import {
  GOOD,
  GOOD_AT,
  handmade,
  KID,
  newRsaKeys,
  NOW_SECONDS,
  OTHER_GUID,
  ROLE,
  TENANT,
} from './test-support.ts'

const { publicKey, privateKey } = newRsaKeys()
const now = () => NOW_SECONDS * 1000
const AUDIENCE = ['api://orders']
const jwk = (facts: object = {}) => ({
  ...publicKey.export({ format: 'jwk' }),
  kid: KID,
  use: 'sig',
  ...facts,
})
const bearer = (claims: object, typ = 'JWT') =>
  `Bearer ${handmade(privateKey, { alg: 'RS256', kid: KID, typ }, claims)}`

/** An authority that has metadata and keys for each tenant and version (wire.md §7). */
const authority = (path: string, origin: string) => {
  const [, name = '', ...rest] = path.split('/')
  const tenant = ['common', 'organizations'].includes(name) ? '{tenantid}' : name
  return {
    'v2.0/.well-known/openid-configuration': {
      issuer: `${origin}/${tenant}/v2.0`,
      jwks_uri: `${origin}/${name}/discovery/v2.0/keys`,
    },
    '.well-known/openid-configuration': {
      issuer: `https://sts.windows.net/${tenant}/`,
      jwks_uri: `${origin}/${name}/discovery/keys`,
    },
    'discovery/v2.0/keys': { keys: [jwk({ issuer: `${origin}/${tenant}/v2.0` })] },
    'discovery/keys': { keys: [jwk()] },
  }[rest.join('/')]
}

const v1 = (tid = TENANT) => bearer({ ...GOOD['1.0'], tid, iss: `https://sts.windows.net/${tid}/` })
const v2 = (origin: string, tid = TENANT) => bearer({ ...GOOD['2.0'], tid, iss: `${origin}/${tid}/v2.0` })

describe('entra', () => {
  it('reads the keys of each tenant and version by its own metadata, when its first token comes', async (t) => {
    const { origin, ca, asked } = await scriptedServer(t, authority)
    const tenants = [TENANT, OTHER_GUID]
    const guard = createGuard({
      audience: AUDIENCE,
      issuers: entra({ tenants, authorityHost: origin, ca }),
      now,
    })
    assert.deepEqual(asked, [])
    await Promise.all([1, 2, 3].map(() => guard.admit(v2(origin), [ROLE])))
    assert.deepEqual(asked, [
      `/${TENANT}/v2.0/.well-known/openid-configuration`,
      `/${TENANT}/discovery/v2.0/keys`,
    ])
    asked.length = 0
    assert.equal((await guard.admit(v1(), [ROLE])).tenantId, TENANT)
    assert.deepEqual(asked, [`/${TENANT}/.well-known/openid-configuration`, `/${TENANT}/discovery/keys`])
    asked.length = 0
    assert.equal((await guard.admit(v2(origin, OTHER_GUID), [ROLE])).tenantId, OTHER_GUID)
    assert.deepEqual(asked, [
      `/${OTHER_GUID}/v2.0/.well-known/openid-configuration`,
      `/${OTHER_GUID}/discovery/v2.0/keys`,
    ])
  })

  it('asks nothing for a tenant that is not on the list', async (t) => {
    const { origin, ca, asked } = await scriptedServer(t, authority)
    const issuers = entra({ tenants: [TENANT], authorityHost: origin, ca })
    const guard = createGuard({ audience: AUDIENCE, issuers, now })
    await assert.rejects(guard.admit(v2(origin, OTHER_GUID), [ROLE]), { code: 'tenant_unaccepted' })
    await assert.rejects(guard.admit(v1(OTHER_GUID), [ROLE]), { code: 'tenant_unaccepted' })
    assert.deepEqual(asked, [])
  })

  it('takes every tenant by the metadata that are for all, where the word says so', async (t) => {
    const { origin, ca, asked } = await scriptedServer(t, authority)
    const issuers = entra({ tenants: 'any tenant', authorityHost: `${origin}/`, ca })
    const guard = createGuard({ audience: AUDIENCE, issuers, now })
    for (const tid of [TENANT, OTHER_GUID]) {
      assert.equal((await guard.admit(v2(origin, tid), [ROLE])).tenantId, tid)
      assert.equal((await guard.admit(v1(tid), [ROLE])).tenantId, tid)
    }
    assert.deepEqual(asked, [
      '/organizations/v2.0/.well-known/openid-configuration',
      '/organizations/discovery/v2.0/keys',
      '/common/.well-known/openid-configuration',
      '/common/discovery/keys',
    ])
  })

  it('takes no key that names another tenant', async (t) => {
    const { origin, ca } = await scriptedServer(t, (path, own) =>
      path.endsWith('keys') ? { keys: [jwk({ issuer: `${own}/${OTHER_GUID}/v2.0` })] } : authority(path, own),
    )
    const issuers = entra({ tenants: [TENANT], authorityHost: origin, ca })
    const guard = createGuard({ audience: AUDIENCE, issuers, now })
    await assert.rejects(guard.admit(v2(origin), [ROLE]), { code: 'key_issuer_invalid' })
  })

  it('takes one version alone', async (t) => {
    const { origin, ca } = await scriptedServer(t, authority)
    const issuers = entra({ tenants: [TENANT], authorityHost: origin, ca, versions: ['2.0'] })
    const guard = createGuard({ audience: AUDIENCE, issuers, now })
    assert.equal((await guard.admit(v2(origin), [ROLE])).tenantId, TENANT)
    await assert.rejects(guard.admit(v1(), [ROLE]), { code: 'issuer_invalid' })
  })

  it('knows the issuers of the clouds', () => {
    const issuersOf = (authorityHost?: string) =>
      entra({ tenants: 'any tenant', authorityHost }).map(({ issuer, kind }) => [kind, issuer])
    assert.deepEqual(issuersOf(), [
      ['1.0', 'https://sts.windows.net/{tenantid}/'],
      ['2.0', 'https://login.microsoftonline.com/{tenantid}/v2.0'],
    ])
    assert.deepEqual(issuersOf('https://login.partner.microsoftonline.cn'), [
      ['1.0', 'https://sts.chinacloudapi.cn/{tenantid}/'],
      ['2.0', 'https://login.partner.microsoftonline.cn/{tenantid}/v2.0'],
    ])
  })

  for (const host of [
    'http://login.example',
    'login.example',
    'https://login.example/a',
    'https://a@b.example',
  ]) {
    it(`takes no authority '${host}'`, () => {
      assert.throws(
        () => entra({ tenants: [TENANT], authorityHost: host }),
        new TypeError(`Cannot trust authorityHost '${host}', as an https:// origin without a path is needed`),
      )
    })
  }
})

describe('entra for an API with keys of its own', () => {
  it('asks for the metadata of that API', async (t) => {
    const { origin, ca, asked } = await scriptedServer(t, (path, of) =>
      authority(path.split('?')[0] ?? '', of),
    )
    const issuers = entra({ tenants: [TENANT], authorityHost: origin, ca, appId: OTHER_GUID })
    const guard = createGuard({ audience: AUDIENCE, issuers, now })
    await guard.admit(v2(origin), [ROLE])
    assert.equal(asked[0], `/${TENANT}/v2.0/.well-known/openid-configuration?appid=${OTHER_GUID}`)
  })

  it('refuses what is no application id', () => {
    for (const appId of ['', 'orders', `${OTHER_GUID}&x=y`, 'A'.repeat(36)])
      assert.throws(
        () => entra({ tenants: [TENANT], appId }),
        new TypeError(`Cannot read keys of application '${appId}', as a GUID in lower case is needed`),
      )
  })
})

describe('oauthIssuer', () => {
  it('finds the keys by discovery, whichever form the server has', async (t) => {
    for (const place of [
      '/.well-known/oauth-authorization-server/realm',
      '/realm/.well-known/openid-configuration',
    ]) {
      const { origin, ca, asked } = await scriptedServer(t, (path, own) =>
        path === place
          ? { issuer: `${own}/realm`, jwks_uri: `${own}/keys` }
          : path === '/keys'
            ? { keys: [jwk()] }
            : undefined,
      )
      const issuer = `${origin}/realm`
      const issuers = oauthIssuer({ issuer, ca, rolesFrom: 'scope' })
      const guard = createGuard({ audience: AUDIENCE, issuers, now })
      const principal = await guard.admit(bearer({ ...GOOD_AT, iss: issuer }, 'at+jwt'), ['orders.read'])
      assert.equal(principal.tenantId, issuer)
      assert.deepEqual(asked.slice(-2), [place, '/keys'])
    }
  })

  it('takes a JWT that does not say what it is only where the word says so', async (t) => {
    const { origin, ca } = await scriptedServer(t, (path, own) =>
      path === '/keys' ? { keys: [jwk()] } : { issuer: own, jwks_uri: `${own}/keys` },
    )
    const token = bearer({ ...GOOD_AT, iss: origin, roles: [ROLE] })
    const strict = createGuard({ audience: AUDIENCE, issuers: oauthIssuer({ issuer: origin, ca }), now })
    await assert.rejects(strict.admit(token, [ROLE]), { code: 'type_unaccepted' })
    const issuers = oauthIssuer({ issuer: origin, ca, accept: 'any JWT' })
    assert.equal(
      (await createGuard({ audience: AUDIENCE, issuers, now }).admit(token, [ROLE])).appId,
      'nightly-sync',
    )
  })

  it('does not take the word of one issuer for another, even by one key id', async (t) => {
    const evil = newRsaKeys()
    const { origin, ca } = await scriptedServer(t, (path, own) =>
      path.endsWith('/keys')
        ? { keys: [{ ...evil.publicKey.export({ format: 'jwk' }), kid: KID }] }
        : path.startsWith('/.well-known')
          ? { issuer: `${own}/evil`, jwks_uri: `${own}/evil/keys` }
          : authority(path, own),
    )
    const trusted = {
      issuer: `${origin}/{tenantid}/v2.0`,
      kind: '2.0',
      keys: { find: () => ({ key: publicKey }) },
    } as const
    const guard = createGuard({
      audience: AUDIENCE,
      issuers: [trusted, ...oauthIssuer({ issuer: `${origin}/evil`, ca })],
      now,
    })
    const forged = handmade(
      evil.privateKey,
      { alg: 'RS256', kid: KID, typ: 'JWT' },
      { ...GOOD['2.0'], iss: `${origin}/${TENANT}/v2.0` },
    )
    await assert.rejects(guard.admit(`Bearer ${forged}`, [ROLE]), { code: 'signature_invalid' })
    assert.equal((await guard.admit(v2(origin), [ROLE])).tenantId, TENANT)
  })

  for (const issuer of [
    'http://as.example',
    'as.example',
    'https://as.example?a=b',
    'https://as.example/#a',
    'https://as.example/{tenantid}',
  ]) {
    it(`trusts no issuer '${issuer}'`, () => {
      assert.throws(
        () => oauthIssuer({ issuer }),
        new TypeError(`Cannot trust issuer '${issuer}', as an https:// URL without query is needed`),
      )
    })
  }
})
