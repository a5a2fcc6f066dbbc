import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { inspect } from 'node:util'
import { api } from '../call/api.ts'
import { privateKey } from '../credential/private-key.ts'
import { clientSecret } from '../credential/secret.ts'
import { keyPem, newEcKey } from '../credential/test-support.ts'
import { AppIdentity, type AppIdentityOptions, type ApplicationOptions } from '../identity/app-identity.ts'
import { CLIENT, manualClock, type Received, scriptedServer, TENANT, tokenAnswer } from '../test-support.ts'
import type { IssuerOptions } from './token-server.ts'

type Options = Partial<ApplicationOptions & IssuerOptions>

/** An identity at a server with metadata, and the token requests that it received. */
async function identityOf(
  t: Parameters<typeof scriptedServer>[0],
  options: Options = {},
  metadata: object = {},
) {
  const server = await scriptedServer(t, ({ method }, number) =>
    method === 'GET'
      ? { body: { issuer: server.origin, token_endpoint: `${server.origin}/token`, ...metadata } }
      : tokenAnswer(`token-${number}`),
  )
  const { origin: issuer, ca } = server
  const credential = clientSecret('a-secret')
  const make = (others: Options = {}) =>
    new AppIdentity({ issuer, clientId: 'daemon', credential, ca, ...options, ...others })
  const posts = (): Received[] => server.received.filter(({ method }) => method === 'POST')
  return { server, issuer, make, posts }
}

const formOf = (post: Received | undefined) => [...new URLSearchParams(post?.body)]

describe('an identity of an issuer', () => {
  it('asks the token endpoint of the metadata, with the scope and the parameters as they are', async (t) => {
    const parameters = { resource: ['https://a.example', 'https://b.example'], audience: 'x' }
    const { make, posts } = await identityOf(t, { parameters })
    const { token } = await make().getToken(['orders.read', 'orders.write'])
    assert.equal(token, 'token-2')
    const [post] = posts()
    assert.equal(post?.path, '/token')
    assert.deepEqual(formOf(post), [
      ['grant_type', 'client_credentials'],
      ['client_id', 'daemon'],
      ['scope', 'orders.read orders.write'],
      ['resource', 'https://a.example'],
      ['resource', 'https://b.example'],
      ['audience', 'x'],
    ])
    assert.equal(post.headers['client-request-id'], undefined)
    assert.equal(post.headers['return-client-request-id'], undefined)
  })

  it('sends no scope when there is none, and keeps that token apart', async (t) => {
    const { make, posts } = await identityOf(t)
    const identity = make()
    const bare = await identity.getToken('')
    assert.equal((await identity.getToken([])).token, bare.token)
    assert.notEqual((await identity.getToken('orders.read')).token, bare.token)
    assert.deepEqual(
      posts().map((post) => new URLSearchParams(post.body).get('scope')),
      [null, 'orders.read'],
    )
  })

  for (const scope of [' ', 'a  b', ' a', 'a ', 'a"b', 'a\\b', 'a\nb', 'ä']) {
    it(`refuses the scope ${JSON.stringify(scope)} without asking anyone`, async (t) => {
      const { make, server } = await identityOf(t)
      await assert.rejects(make().getToken(scope), {
        name: 'ConfigurationError',
        code: 'scope_invalid',
        message: `Cannot ask for the scope, as words of printable ASCII, one space apart, are needed (RFC 6749 §3.3): found ${JSON.stringify(scope)}`,
      })
      assert.deepEqual(server.received, [])
    })
  }

  const methods = [
    ['nothing stated', {}, 'basic'],
    [
      'both',
      { token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'] },
      'basic',
    ],
    ['the form alone', { token_endpoint_auth_methods_supported: ['client_secret_post'] }, 'post'],
    ['neither', { token_endpoint_auth_methods_supported: ['private_key_jwt'] }, 'basic'],
  ] as const
  for (const [what, metadata, method] of methods) {
    it(`sends a secret by ${method} to a server with ${what}, unless told otherwise`, async (t) => {
      const { make, posts } = await identityOf(t, {}, metadata)
      await make().getToken('x')
      for (const told of ['basic', 'post'] as const)
        await make({ credential: clientSecret('a-secret', { method: told }) }).getToken('x')
      const sent = posts().map(({ headers, body }) => {
        const inForm = new URLSearchParams(body).get('client_secret') === 'a-secret'
        const inHeader =
          headers.authorization === `Basic ${Buffer.from('daemon:a-secret').toString('base64')}`
        return [inForm && 'post', inHeader && 'basic'].filter(Boolean)
      })
      assert.deepEqual(sent, [[method], ['basic'], ['post']])
    })
  }

  it('names issuer and parameters as its place, and knows its token endpoint later', async (t) => {
    const { make, issuer } = await identityOf(t)
    assert.deepEqual(make().authority, { host: issuer, tenant: issuer })
    const parameters = { resource: 'https://a.example' }
    const tenant = `${issuer}?resource=https%3A%2F%2Fa.example`
    assert.equal(make({ parameters }).authority.tenant, tenant)
  })

  it('has no other tenants', async (t) => {
    const { make, issuer } = await identityOf(t)
    const identity = make()
    assert.equal(identity.forTenant(issuer), identity)
    const refused = {
      name: 'ConfigurationError',
      code: 'tenants_absent',
      message: `Cannot work in the tenant 'contoso.example', as an authority with tenants is needed: found the issuer '${issuer}'`,
      hint: 'Make an identity for each issuer; tenants are Microsoft Entra ID’s',
    }
    assert.throws(() => identity.forTenant('contoso.example'), refused)
    await assert.rejects(identity.getToken('x', { tenantId: 'contoso.example' }), refused)
  })

  it('waits through an outage of the metadata', async (t) => {
    const clock = manualClock()
    const server = await scriptedServer(t, ({ method }, number) =>
      number <= 4
        ? { status: 503 }
        : method === 'GET'
          ? { body: { issuer: server.origin, token_endpoint: `${server.origin}/token` } }
          : tokenAnswer('a-token'),
    )
    const { origin: issuer, ca } = server
    const credential = clientSecret('a-secret')
    const identity = new AppIdentity({ issuer, clientId: 'daemon', credential, ca, clock })
    assert.equal((await identity.getToken('x')).token, 'a-token')
    assert.equal(clock.slept.length, 2)
    assert.equal(identity.tokenRequests, 1)
  })

  it('is told by an API’s 403 who has to grant the permission, without a link that nobody answers', async (t) => {
    const { make, issuer, server } = await identityOf(t)
    const forbidding = await scriptedServer(t, () => ({ status: 403, body: {} }))
    const orders = api(make({ ca: server.ca }), {
      baseUrl: forbidding.origin,
      scope: 'orders.read',
      permissions: ['Orders.Read'],
      ca: forbidding.ca,
    })
    await assert.rejects(orders.get('/orders'), {
      name: 'PermissionError',
      hint: `Application 'daemon' lacks the application permission Orders.Read: an administrator of ${issuer} or of the API has to grant it`,
    })
  })

  it('shows no token and no secret when it is printed', async (t) => {
    const secret = crypto.randomUUID()
    const { make } = await identityOf(t, { credential: clientSecret(secret) })
    const identity = make()
    const { token } = await identity.getToken('x')
    const shown = inspect(identity, { depth: Infinity, showHidden: true })
    assert.ok(!shown.includes(secret) && !shown.includes(token))
  })
})

describe('an identity is made with', () => {
  const base = { clientId: CLIENT, credential: () => {} }
  const unclear = [
    [{}, 'neither'],
    [{ authorityHost: 'https://login.example' }, 'authorityHost'],
    [{ tenantId: TENANT, issuer: 'https://id.example' }, 'tenantId, issuer'],
    [{ issuer: 'https://id.example', authorityHost: 'https://x.example' }, 'authorityHost, issuer'],
    [{ issuer: 'https://id.example', region: 'westeurope' }, 'region, issuer'],
    [{ tenantId: TENANT, parameters: {} }, 'tenantId, parameters'],
  ] as const
  for (const [options, found] of unclear) {
    it(`a tenant or an issuer: not with ${found}`, () => {
      assert.throws(() => new AppIdentity({ ...base, ...options } as unknown as AppIdentityOptions), {
        name: 'ConfigurationError',
        code: 'authority_unclear',
        message: `Cannot make the identity, as either tenantId (with authorityHost, region) or issuer (with parameters) is needed: found ${found}`,
      })
    })
  }

  for (const host of [
    undefined,
    'AzurePublicCloud',
    'https://login.microsoftonline.com',
    'https://sts.windows.net',
  ]) {
    it(`a region of the public cloud, as ${host}`, () => {
      const identity = new AppIdentity({
        ...base,
        tenantId: TENANT,
        authorityHost: host,
        region: 'WestEurope',
      })
      const { authority } = identity
      assert.equal(
        authority.tokenEndpoint,
        `https://westeurope.login.microsoft.com/${TENANT}/oauth2/v2.0/token`,
      )
      assert.equal(authority.adminConsentUrl?.(CLIENT).includes('westeurope'), false)
    })
  }

  const regions = [
    ['westeurope', 'AzureUSGovernment', 'the authority host is https://login.microsoftonline.us'],
    ['westeurope', 'https://localhost:8443', 'the authority host is https://localhost:8443'],
    ['', undefined, 'it has other characters than letters and digits'],
    ['west-europe', undefined, 'it has other characters than letters and digits'],
    ['evil.example/', undefined, 'it has other characters than letters and digits'],
    ['a'.repeat(64), undefined, 'it has other characters than letters and digits'],
    ['auto', undefined, 'the region is not found out here'],
    ['AutoDiscoverRegion', undefined, 'the region is not found out here'],
  ] as const
  for (const [region, authorityHost, found] of regions) {
    it(`no region '${region}' at ${authorityHost ?? 'the public cloud'}`, () => {
      assert.throws(() => new AppIdentity({ ...base, tenantId: TENANT, authorityHost, region }), {
        name: 'ConfigurationError',
        code: 'region_invalid',
        message: `Cannot use the region '${region}', as the name of a region of the public cloud is needed: ${found}`,
        hint: 'Name the region that the program runs in, such as westeurope, or leave the option out',
      })
    })
  }

  it('a private key only for an issuer', async () => {
    const credential = privateKey({ pem: keyPem(newEcKey().privateKey) })
    const identity = new AppIdentity({ ...base, tenantId: TENANT, credential })
    await assert.rejects(identity.getToken('api://orders/.default'), {
      name: 'ConfigurationError',
      code: 'private_key_unsupported',
    })
    assert.equal(identity.tokenRequests, 0)
  })
})
